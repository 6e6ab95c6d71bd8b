"""What a complaint is: taxonomy, record, text, corpus. Imports nothing of ours."""
