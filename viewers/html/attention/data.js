// What is in the file: `about` at once, `numbers` at the start, the attention of a layer when it is first looked at.

const about = JSON.parse(document.getElementById("about").textContent);
const count = about.texts.length;
const layers = new Array(about.layers).fill(null);
const loading = new Map();
const numbers = {};

async function unpack(id) {
  const letters = atob(document.getElementById(id).textContent);
  const packed = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) packed[i] = letters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Four-byte numbers lie shuffled: all first bytes, then all second bytes and so on.
function unshuffled(bytes, start, size, Kind) {
  const plain = new Uint8Array(4 * size);
  for (let byte = 0; byte < 4; byte++) {
    const from = start + byte * size;
    for (let i = 0; i < size; i++) plain[4 * i + byte] = bytes[from + i];
  }
  return new Kind(plain.buffer);
}

async function loadNumbers() {
  const bytes = await unpack("numbers");
  let start = 0;
  for (const [name, kind, size] of about.sections) {
    numbers[name] = unshuffled(bytes, start, size, kind === "f" ? Float32Array : Int32Array);
    start += 4 * size;
  }
}

// The attention of one layer: what each query may see, row by row. A row that was not recorded is NaN.
class Layer {
  constructor(index, bytes) {
    this.index = index;
    this.perHead = (count * (count + 1)) / 2;
    if (about.exact) {
      this.values = unshuffled(bytes, 0, about.heads * this.perHead, Float32Array);
    } else {
      this.peaks = unshuffled(bytes, 0, about.heads * count, Float32Array);
      this.steps = bytes.subarray(4 * about.heads * count);
    }
  }

  // A query's row: shares of the keys 0 to query.
  row(head, query) {
    const start = head * this.perHead + (query * (query + 1)) / 2;
    if (about.exact) return this.values.subarray(start, start + query + 1);
    const unit = this.peaks[head * count + query] / 255;
    const row = new Float32Array(query + 1);
    for (let key = 0; key <= query; key++) row[key] = this.steps[start + key] * unit;
    return row;
  }

  at(head, query, key) {
    const place = head * this.perHead + (query * (query + 1)) / 2 + key;
    return about.exact ? this.values[place] : (this.steps[place] * this.peaks[head * count + query]) / 255;
  }

  // The most by which a number of this row differs from the engine's: half a step.
  error(head, query) {
    return about.exact ? 0 : this.peaks[head * count + query] / 510;
  }

  largest(head) {
    let top = 0;
    for (let query = 0; query < count; query++) {
      if (about.exact) for (const value of this.row(head, query)) top = value > top ? value : top;
      else top = Math.max(top, this.peaks[head * count + query] || 0);
    }
    return top;
  }
}

function loadLayer(index) {
  if (!about.recorded[index]) return Promise.resolve(null);
  if (!loading.has(index)) {
    loading.set(index, unpack(`layer-${index}`).then((bytes) => (layers[index] = new Layer(index, bytes))));
  }
  return loading.get(index);
}

function isSeen(layer, query, key) {
  const reach = about.windows[layer];
  return key <= query && (reach === null || key > query - reach);
}
