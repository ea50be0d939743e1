"""Training: parameters in one flat array, the optimizer, the data, and a loop that is an iterator of reports.

Read the files in this order: parameters, optimizer, schedule; texts, token_files, batches; plan, report, loop;
checkpoints, run_directory, start.
"""
