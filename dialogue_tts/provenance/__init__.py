"""Where sound comes from: a mark in the sound itself, what files say of themselves, and how both are read."""
