//! The real Claude Code against the scripted provider, through the gateway. Everything runs in a network namespace with
//! nothing but loopback, so that no packet can leave whatever the program tries.
