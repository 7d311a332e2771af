#!/bin/sh
# Says in one line what to do where Node.js is missing or too old.
oldest=20.19
found=$(node -p 'process.versions.node' 2>/dev/null) || {
  echo "Error: Node.js is not on PATH. Install Node.js $oldest or newer." >&2
  exit 1
}
newest=$(printf '%s\n%s\n' "$oldest" "$found" | sort -t . -k 1,1n -k 2,2n | tail -n 1)
[ "$newest" = "$found" ] || {
  echo "Error: Node.js $found is too old. Install Node.js $oldest or newer." >&2
  exit 1
}
