"""Files, tables and pages: XML, PDF, Excel, charts, packages, SQL."""
