"""Files as they lie on disk: tables of any format read cell by cell, and whole files written or none."""
