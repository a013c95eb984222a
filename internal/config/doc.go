// Package config reads how an installation is set up, and is the only place that does.
//
// The struct Config is the one description: from its tags come the defaults, the checks, the names in file, environment
// and flags, what is printed, and the reference page. Values are taken, later over earlier, from
//
//	defaults ─▶ file (YAML) ─▶ environment (ROSTRUM_SECTION_KEY, for secrets ROSTRUM_SECTION_KEY_FILE) ─▶ flags (--set key=value)
//
// A key that does not exist is refused with the nearest one that does, and everything that is wrong is said at once. A
// secret is a Secret: it prints as "(secret)" in whatever way it is printed, and no error shows one.
//
// The defaults are for production; Development gives the set for one machine and stand-ins.
package config

//go:generate sh -c "go run rostrum/cmd/rostrum config reference >REFERENCE.new && mv REFERENCE.new ../../deploy/config/REFERENCE.md || { rm -f REFERENCE.new; exit 1; }"
