"""Every operation's equation a second time, as MathML: the twin of `Op.equation`, for pages.

The table is keyed by the operation's name, so that a trace from a file, which holds names, is drawn like a live
program. Nothing here is computed with; a test holds that every operation has its row and that every row is well formed.

The notation is small: a string is split at spaces into numbers, operators and names (`x_i` has an index, `W^⊤` a
power); `frac`, `root`, `paren`, `total` and `cases` build what a string cannot.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
OPERATORS = "=+-·()[],;<≤≥>→←↦⊙×‖/"
FUNCTIONS = frozenset({
    "tanh", "erf", "log", "max", "min", "mean", "var", "sin", "cos", "softmax", "onehot", "round", "clip",
})  # fmt: skip
NUMBER = re.compile(r"-?\d[\d.]*")
WORDS = re.compile(r'"[^"]*"')


def mathml(op: str) -> str:
    """The equation of an operation as one `<math>` element; empty if the operation is unknown."""
    body = EQUATIONS.get(op)
    return f'<math xmlns="{NAMESPACE}" display="block">{body}</math>' if body else ""


def row(*parts: str) -> str:
    """Parts side by side; a part is MathML already, or a string in the notation."""
    return f"<mrow>{''.join(part if part.startswith('<') else _tokens(part) for part in parts)}</mrow>"


def frac(top: str, bottom: str) -> str:
    return f"<mfrac>{row(top)}{row(bottom)}</mfrac>"


def root(inside: str) -> str:
    return f"<msqrt>{row(inside)}</msqrt>"


def power(base: str, exponent: str) -> str:
    return f"<msup>{row(base)}{row(exponent)}</msup>"


def paren(*parts: str) -> str:
    """Parentheses as high as what they hold."""
    return f"<mrow><mo>(</mo>{row(*parts)}<mo>)</mo></mrow>"


def total(under: str = "") -> str:
    """A sum sign, and what the sum runs over below it."""
    return f"<munder><mo>∑</mo>{row(under)}</munder>" if under else "<mo>∑</mo>"


def cases(*rows: tuple[str, str]) -> str:
    """A value by cases: (value, condition) rows behind a brace."""
    body = "".join(f"<mtr><mtd>{row(value)}</mtd><mtd>{row(when)}</mtd></mtr>" for value, when in rows)
    return f"<mrow><mo>{{</mo><mtable>{body}</mtable></mrow>"


def _tokens(text: str) -> str:
    pieces = re.findall(r'"[^"]*"|\S+', text)
    return "".join(_token(piece) for piece in pieces)


def _token(piece: str) -> str:
    if WORDS.fullmatch(piece):
        return f"<mtext>&#160;{escape(piece[1:-1])}&#160;</mtext>"
    if piece in ("(", ")", "[", "]"):
        return f'<mo stretchy="false">{piece}</mo>'
    if piece in OPERATORS:
        return f"<mo>{escape(piece.replace('-', '−'))}</mo>"
    if NUMBER.fullmatch(piece):
        return f"<mn>{piece.replace('-', '−')}</mn>"
    for mark, tag in (("^", "msup"), ("_", "msub")):
        base, found, script = piece.partition(mark)
        if found and base:
            return f"<{tag}>{_token(base)}{row(script.replace(',', ' , '))}</{tag}>"
    if len(piece) == 2 and piece[0] == "∂":  # one sign and one letter, else it would be set upright as a word
        return f"<mrow><mi>∂</mi><mi>{escape(piece[1])}</mi></mrow>"
    name = f"<mi>{escape(piece)}</mi>"
    return name + "<mo>&#8289;</mo>" if piece in FUNCTIONS else name


SIGMOID_SLOPE = row("σ ( x ) ( 1 + x ( 1 - σ ( x ) ) )")
EQUATIONS: dict[str, str] = {
    # linear
    "linear": row("y = x W + b"),
    "add": row("y = a + b"),
    "multiply": row("y = a ⊙ b"),
    "linear_int8": row("y = s ( x Q^⊤ ) + b"),
    "scale": row("y = c x"),
    "identity": row("y = x"),
    "columns": row("y = x_:,a:b"),
    "last_row": row("y = x_T"),
    "last_position": row("y = p_T"),
    "linear_dx": row("∂x = ∂y W^⊤"),
    "linear_dw": row("∂W = x^⊤ ∂y"),
    "sum_rows": row("∂b =", total("t"), "∂y_t"),
    "sum_to": row("∂b =", total('"batch"'), "∂y"),
    "gain_gradient": row("∂g =", total("t"), "∂y_t ⊙ x_t"),
    "accumulate": row("∂x =", total("i"), "∂x_i"),
    # norm
    "layer_normalize": row("y =", frac("x - mean ( x )", root("var ( x ) + ε"))),
    "rms_normalize": row("y =", frac("x", root("mean ( x^2 ) + ε"))),
    "scale_shift": row("y = g ⊙ x + b"),
    "layer_normalize_dx": row("∂x =", frac("∂y - mean ( ∂y ) - y · mean ( ∂y ⊙ y )", root("var ( x ) + ε"))),
    "rms_normalize_dx": row("∂x =", frac("∂y - y · mean ( ∂y ⊙ y )", root("mean ( x^2 ) + ε"))),
    # activation
    "gelu_tanh": row("y =", frac("x", "2"), paren("1 + tanh", paren(root(frac("2", "π")), "( x + 0.044715 x^3 )"))),
    "gelu_erf": row("y =", frac("x", "2"), paren("1 + erf", paren(frac("x", root("2"))))),
    "relu": row("y = max ( x , 0 )"),
    "silu": row("y =", frac("x", row("1 +", power("e", "- x")))),
    "gelu_tanh_folded": row("y = u ( 1 + tanh ( u^3 + b u ) )"),
    "silu_folded": row("y = u ( 1 + tanh ( u ) )"),
    "gelu_tanh_dx": row("∂x = ∂y ⊙ GELU′ ( x )"),
    "gelu_erf_dx": row("∂x = ∂y ⊙ ( Φ ( x ) + x φ ( x ) )"),
    "relu_dx": row("∂x =", cases(("∂y", '"if" y > 0'), ("0", '"else"'))),
    "silu_dx": row("∂x = ∂y ⊙", SIGMOID_SLOPE),
    # attention
    "split_heads": row("( T , H · d ) → ( H , T , d )"),
    "merge_heads": row("( H , T , d ) → ( T , H · d )"),
    "scores": row("s = q k^⊤"),
    "causal_mask": row("m_t,s =", cases(("0", '"if" t - N < s ≤ t'), ("- ∞", '"else"'))),
    "mask": row("y = s + m"),
    "softmax": row("p_i =", frac(power("e", "x_i"), row(total("j"), power("e", "x_j")))),
    "weighted_sum": row("z = p v"),
    "attend": row("z = softmax ( c q k^⊤ + m ) v"),
    "attend_back": row("∂v = p^⊤ ∂z , ∂s = p ⊙ ( ∂p - Σ ∂p p ) , ∂q = c ∂s k , ∂k = c ∂s^⊤ q"),
    "taken": row("∂q | ∂k | ∂v"),
    "shared_product": row("∂k = ∂s^⊤ q"),
    "softmax_dx": row("∂x = p ⊙ ( ∂y -", total("j"), "∂y_j p_j )"),
    "append": row("K = [ K_past ; k ]"),
    "append_int8": row("Q = [ Q_past ; round ( k / s ) ]"),
    "widen": row("K = s Q"),
    # positions
    "rope_cos": row("c_p,i = cos ( p", power("θ", "- 2 i / d"), ")"),
    "rope_sin": row("s_p,i = sin ( p", power("θ", "- 2 i / d"), ")"),
    "rotate": row("( a , b ) ↦ ( a c - b s , a s + b c )"),
    "rotate_back": row("( ∂a , ∂b ) ↦ ( ∂a c + ∂b s , ∂b c - ∂a s )"),
    "sinusoidal": row(
        "y_p,2i = sin", paren(frac("p", power("10000", "2 i / D"))),
        ", y_p,2i+1 = cos", paren(frac("p", power("10000", "2 i / D"))),
    ),
    # embedding, dropout, loss
    "embed": row("y = E_id"),
    "embed_int8": row("y = s_id Q_id"),
    "embed_dtable": row("∂E_id ← ∂E_id + ∂y"),
    "dropout": row("y =", frac("x ⊙ m", "1 - p")),
    "cross_entropy": row("L = -", total("t"), "log", '<msub><mi>softmax</mi><mi>target</mi></msub>', "( x_t )"),
    "cross_entropy_dx": row("∂x = softmax ( x ) - onehot ( target )"),
    # the optimizer's update
    "count_targets": row("N =", total("t"), '[ "target" ≥ 0 ]'),
    "gradient_norm": row("‖ g ‖ =", frac('1', 'N'), root(row(total("i"), "∂_i^2"))),
    "clip": row("s =", frac('1', 'N'), "min", paren("1 ,", frac("c", "‖ g ‖"))),
    "clip_gradient": row("g = s ∂W"),
    "decay_gradient": row("g = s ∂W + λ W"),
    "adam_m": row("m = β_1 m′ + ( 1 - β_1 ) g"),
    "adam_v": row("v = β_2 v′ + ( 1 - β_2 ) g^2"),
    "adam_change": row("Δ = η", frac("m", "1 - β_1^t"), "/", paren(root(frac("v", "1 - β_2^t")), "+ ε")),
    "adam_update": row("W = ( 1 - η λ ) W′ - Δ"),
}  # fmt: skip
