"""What is handed out: the report, workbooks, Word, Power BI, evidence, and the export given back."""
