//! Agents that panic, trap, never end or flood, alone: what the operator is told, and the exit code. What they do to others is
//! in `redteam`.
