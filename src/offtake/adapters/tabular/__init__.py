"""Tables of other people: cells and rows of CSV and Parquet files, read under written limits."""
