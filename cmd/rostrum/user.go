package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"rostrum/accounts"
)

// maxPasswordFile bounds what is read as a password; a longer one would be refused anyway.
const maxPasswordFile = 4096

var errNoArea = usage("--area is missing: write the code of a sales area")

func (c *cli) userCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Make users and tokens; audited"}
	cmd.AddCommand(c.userAddCommand(), c.userTokenCommand())
	return cmd
}

func (c *cli) userAddCommand() *cobra.Command {
	var n accounts.NewUser
	var roles []string
	var file string
	cmd := &cobra.Command{
		Use:   "add LOGIN",
		Short: "Make a user with any roles; without --password-file a password is made and printed, once",
		Args:  cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Name, "name", "", "shown to people; empty: the login")
	flags.StringVar(&n.Area, "area", "", "code of the sales area")
	flags.StringSliceVar(&roles, "roles", []string{"bidder"}, "bidder, seller, operator, analyst, admin")
	flags.StringVar(&file, "password-file", "", "file whose first line is the password; -: standard input")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if n.Area == "" {
			return errNoArea
		}
		n.Login = args[0]
		if n.Name == "" {
			n.Name = n.Login
		}
		if n.Roles, err = accounts.ParseRoles(roles); err != nil {
			return usageError{err}
		}
		if n.Password, err = c.password(file); err != nil {
			return err
		}
		return c.with(needUsers, func(p platform) error { return c.addUser(cmd.Context(), p, n, file == "") })
	}
	return cmd
}

func (c *cli) addUser(ctx context.Context, p platform, n accounts.NewUser, made bool) error {
	service, err := p.Accounts(ctx)
	if err != nil {
		return err
	}
	user, err := service.AddUser(ctx, uuid.Nil, n)
	if err != nil {
		return err
	}
	answer := struct {
		ID       uuid.UUID      `json:"id"`
		Login    string         `json:"login"`
		Area     string         `json:"area"`
		Roles    accounts.Roles `json:"roles"`
		Password string         `json:"password,omitempty"` // only one that was made here
	}{ID: user.ID, Login: user.Login, Area: user.Area, Roles: user.Roles}
	if made {
		answer.Password = n.Password
	}
	return c.show(answer, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s is %s (%s) in %s\n", user.Login, user.ID, user.Roles, user.Area)
		if made {
			_, _ = fmt.Fprintf(w, "password: %s\n", n.Password)
		}
	})
}

// password reads one, or makes one of 144 random bits. It is never taken from the command line, which everybody on the
// machine can read.
func (c *cli) password(file string) (string, error) {
	if file == "" {
		var b [18]byte
		_, err := rand.Read(b[:])
		return base64.RawURLEncoding.EncodeToString(b[:]), err
	}
	from := c.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", usageError{fmt.Errorf("--password-file: %w", err)}
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxPasswordFile))
	if err != nil {
		return "", usageError{fmt.Errorf("--password-file: %w", err)}
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

func (c *cli) userTokenCommand() *cobra.Command {
	var r accounts.MintRequest
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print access tokens of synthetic bidders, one a line; for load tests",
		Long: "Prints access tokens of the synthetic bidders load.<area>.00000, … making those that are missing. They cannot log in and\n" +
			"their tokens cannot be refreshed. Text output is the tokens alone; json has user, login and token.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.Area == "" {
				return errNoArea
			}
			return c.with(needUsers, func(p platform) error { return c.mint(cmd.Context(), p, r) })
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&r.Count, "count", 1, fmt.Sprintf("how many, up to %d", accounts.MaxMint))
	flags.StringVar(&r.Area, "area", "", "code of the sales area")
	flags.DurationVar(&r.TTL, "ttl", time.Hour, "their life, up to "+accounts.MaxTokenLife.String())
	return cmd
}

func (c *cli) mint(ctx context.Context, p platform, r accounts.MintRequest) error {
	service, err := p.Accounts(ctx)
	if err != nil {
		return err
	}
	step, end := c.progress("users")
	r.Progress = func(done int) { step(done, r.Count) }
	minted, err := service.MintTokens(ctx, uuid.Nil, r)
	end()
	if err != nil {
		return err
	}
	return c.show(minted, func(w io.Writer) {
		for _, m := range minted {
			_, _ = fmt.Fprintln(w, m.Token)
		}
	})
}
