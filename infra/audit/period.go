package main

import (
	"errors"
	"time"
)

// period is a time from one moment until before another. The zero moment is
// no bound.
type period struct{ from, to time.Time }

// isEmpty reports whether nothing can be in the period.
func (p *period) isEmpty() bool {
	return !p.from.IsZero() && !p.to.IsZero() && !p.from.Before(p.to)
}

func (p *period) parseFrom(s string) (err error) {
	p.from, _, err = parseMoment(s)
	return err
}

// parseTo takes a day as a whole.
func (p *period) parseTo(s string) (err error) {
	moment, isDay, err := parseMoment(s)
	if isDay {
		moment = moment.AddDate(0, 0, 1)
	}
	p.to = moment
	return err
}

// parseMoment parses a time in RFC 3339, or a day, which is its first moment in
// UTC.
func parseMoment(s string) (moment time.Time, isDay bool, err error) {
	if moment, err = time.Parse(time.DateOnly, s); err == nil {
		return moment, true, nil
	}
	if moment, err = time.Parse(time.RFC3339, s); err != nil {
		return moment, false, errors.New("must be a day, such as 2026-11-30, or a time, such as 2026-11-30T12:00:00Z")
	}
	return moment.UTC(), false, nil
}

// isBefore reports whether the moment is before the period.
func (p *period) isBefore(moment time.Time) bool { return moment.Before(p.from) }

// isAfter reports whether the moment is after the period.
func (p *period) isAfter(moment time.Time) bool { return !p.to.IsZero() && !moment.Before(p.to) }
