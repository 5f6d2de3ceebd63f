//! What must hold after every run, whatever went wrong in it.
