package accounts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"rostrum/internal/fault"
)

// Limits of what people choose.
const (
	MinLogin, MaxLogin       = 3, 64   // characters
	MinPassword, MaxPassword = 12, 128 // characters; a password has at most 512 bytes
	MaxName                  = 100     // characters
	MaxArea                  = 32      // characters

	maxPasswordBytes = 512
)

// SyntheticPrefix begins the logins of users that were made for a load: nobody can register one, and none of them has a
// password.
const SyntheticPrefix = "load."

// NormalLogin gives a login as it is stored and looked up: without space around it, lower case.
func NormalLogin(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

// NewUser is what is chosen for a user who is to be made.
type NewUser struct {
	Login    string `json:"login"`
	Password string `json:"password"`
	Name     string `json:"name"`
	Area     string `json:"area"`
	Roles    Roles  `json:"roles"`
}

// String leaves the password out.
func (n NewUser) String() string { return n.Login + " (" + n.Roles.String() + ")" }

// GoString leaves the password out too.
func (n NewUser) GoString() string { return n.String() }

// Check says all that is wrong with n, in the order of the fields; none for nothing. Whether the area exists and the login
// is free is not said here.
func (n NewUser) Check() []fault.Field {
	var wrong []fault.Field
	say := func(ok bool, name, detail, remedy string) {
		if !ok {
			wrong = append(wrong, fault.Field{Name: name, Detail: detail, Remedy: remedy})
		}
	}
	login := NormalLogin(n.Login)
	say(loginFits(login), "login", "is not a login", "send 3 to 64 of a-z, 0-9, '.', '_', '-' and '@', beginning with a letter or digit")
	say(!strings.HasPrefix(login, SyntheticPrefix), "login", "begins with "+SyntheticPrefix+", which is kept for load", "choose another beginning")
	say(passwordFits(n.Password), "password", "is too short, too long or not text", "send 12 to 128 characters, at most 512 bytes of UTF-8")
	say(n.Password == "" || NormalLogin(n.Password) != login, "password", "is the login", "choose one that cannot be guessed")
	say(nameFits(n.Name), "name", "is empty, too long or not text", "send 1 to 100 characters without control characters or space around them")
	say(areaFits(n.Area), "area", "is not an area code", "send the code of one of GET /api/v1/areas")
	say(n.Roles != 0 && n.Roles&^AllRoles == 0, "roles", "names no role", "send one or more of "+AllRoles.String())
	return wrong
}

func loginFits(login string) bool {
	if len(login) < MinLogin || len(login) > MaxLogin || strings.IndexByte("._-@", login[0]) >= 0 {
		return false
	}
	return onlyOf(login, "._-@")
}

func onlyOf(s, extra string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(extra, r) {
			return false
		}
	}
	return true
}

// passwordFits asks for length only: rules about kinds of characters make passwords worse, not better.
func passwordFits(password string) bool {
	n := utf8.RuneCountInString(password)
	return utf8.ValidString(password) && n >= MinPassword && n <= MaxPassword && len(password) <= maxPasswordBytes
}

func nameFits(name string) bool {
	n := utf8.RuneCountInString(name)
	return utf8.ValidString(name) && n >= 1 && n <= MaxName && strings.TrimSpace(name) == name &&
		strings.IndexFunc(name, unicode.IsControl) < 0
}

func areaFits(area string) bool {
	return len(area) >= 2 && len(area) <= MaxArea && area[0] != '-' && onlyOf(area, "-")
}
