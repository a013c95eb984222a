package accounts

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"rostrum/internal/fault"
)

// Service joins the rules of this package with its ports. All fields but KnownArea are needed.
type Service struct {
	Users  Users
	Audit  Audit
	Keys   Keys
	Hasher *Hasher
	Clock  func() time.Time
	Random io.Reader // cryptographic; safe for many goroutines

	AccessTTL  time.Duration // of access tokens, up to MaxTokenLife
	RefreshTTL time.Duration // of a log-in session since its last use

	// KnownArea says whether there is a sales area of that code; nil: any well-formed code will do.
	KnownArea func(ctx context.Context, code string) (bool, error)
}

// Register makes an active user for somebody who asks for it: a bidder, a seller, or both; a bidder where n.Roles says
// nothing. Invalid with every wrong field; Conflict login_taken; the errors of Hasher.Hash.
func (s *Service) Register(ctx context.Context, n NewUser) (User, error) {
	if n.Roles == 0 {
		n.Roles = Bidder
	}
	wrong := n.Check()
	if n.Roles&^(Bidder|Seller) != 0 {
		wrong = append(wrong, fault.Field{Name: "roles", Detail: "nobody registers as " + n.Roles.String(), Remedy: "send bidder, seller or both"})
	}
	if err := s.check(ctx, n, wrong); err != nil {
		return User{}, err
	}
	return s.create(ctx, n)
}

// AddUser makes an active user with any roles, for an admin or the command line; audited first. Errors as in Register.
func (s *Service) AddUser(ctx context.Context, actor uuid.UUID, n NewUser) (User, error) {
	if err := s.check(ctx, n, n.Check()); err != nil {
		return User{}, err
	}
	if err := s.note(ctx, actor, UsersCreate, NormalLogin(n.Login), "roles "+n.Roles.String()+", area "+n.Area); err != nil {
		return User{}, err
	}
	return s.create(ctx, n)
}

// check gives one error of all that is wrong, the area's absence too.
func (s *Service) check(ctx context.Context, n NewUser, wrong []fault.Field) error {
	unknown, err := s.unknownArea(ctx, n.Area)
	if err != nil {
		return err
	}
	if invalid := fault.Invalids(append(wrong, unknown...)); invalid != nil {
		return invalid
	}
	return nil
}

func (s *Service) create(ctx context.Context, n NewUser) (User, error) {
	hash, err := s.Hasher.Hash(ctx, n.Password)
	if err != nil {
		return User{}, err
	}
	user, err := s.user(NormalLogin(n.Login), n.Name, n.Area, n.Roles, hash)
	if err != nil {
		return User{}, err
	}
	if err := s.Users.CreateUser(ctx, user); err != nil {
		return User{}, err
	}
	return user, nil
}

func (s *Service) unknownArea(ctx context.Context, area string) ([]fault.Field, error) {
	if s.KnownArea == nil || !areaFits(area) {
		return nil, nil
	}
	known, err := s.KnownArea(ctx, area)
	if err != nil {
		return nil, fmt.Errorf("look for area %s: %w", area, err)
	}
	if known {
		return nil, nil
	}
	return []fault.Field{{Name: "area", Detail: "there is no such area", Remedy: "send the code of one of GET /api/v1/areas"}}, nil
}

func (s *Service) user(login, name, area string, roles Roles, hash string) (User, error) {
	id, err := s.newID()
	return User{
		ID: id, Login: login, Name: name, Area: area, Roles: roles, PasswordHash: hash,
		State: Active, CreatedUS: s.Clock().UnixMicro(), Rev: 1,
	}, err
}

func (s *Service) note(ctx context.Context, actor uuid.UUID, action Action, subject, detail string) error {
	id, err := s.newID()
	if err != nil {
		return err
	}
	entry := AuditEntry{ID: id, AtUS: s.Clock().UnixMicro(), Actor: actor, Action: string(action), Subject: subject, Detail: detail}
	if err := s.Audit.Audit(ctx, entry); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// newID makes a UUIDv7 of our own clock and random source; the library's takes the time from the system.
func (s *Service) newID() (uuid.UUID, error) {
	var id uuid.UUID
	if _, err := io.ReadFull(s.Random, id[6:]); err != nil {
		return uuid.Nil, fmt.Errorf("random bytes for an id: %w", err)
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(s.Clock().UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id, nil
}
