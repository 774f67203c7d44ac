package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// ErrInvalid is wrapped by errors of what was asked for, whose text says what is wrong with it and how to mend it.
var ErrInvalid = errors.New("cannot be")

// problem turns an error of Conferences into the answer to the request (RFC 9457).
func (a *API) problem(err error, conference, participant string) error {
	switch {
	case errors.Is(err, ErrNoConference):
		return huma.Error404NotFound(fmt.Sprintf("no conference %q here; GET /v1/conferences lists those there are", conference))
	case errors.Is(err, ErrNoParticipant):
		return huma.Error404NotFound(fmt.Sprintf("no participant %q in conference %q; its roster lists those there are", participant, conference))
	case errors.Is(err, ErrFull):
		return huma.Error409Conflict(fmt.Sprintf("conference %q is full; its room's max_participants, or rooms.max_participants, says of how many", conference))
	}
	return a.failure(err, "conference", conference, "leg", participant)
}

// failure is the answer to what went wrong inside; the log has what and, as about, whereof.
func (a *API) failure(err error, about ...any) error {
	switch {
	case errors.Is(err, ErrInvalid):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return huma.Error504GatewayTimeout(fmt.Sprintf("no answer within %s: the server is too busy", patience))
	}
	a.config.Log.Error("an API request failed", append(about, "error", err)...)
	return huma.Error500InternalServerError("the server failed; its log says why")
}

// lacking is the answer where a part is nil.
func lacking(what, setting string) error {
	return huma.Error501NotImplemented(fmt.Sprintf("this server has no %s; see the setting %s", what, setting))
}

// changed logs who did what to whom: it should be found out afterwards.
func (a *API) changed(ctx context.Context, action, kind, name string) {
	a.config.Log.Info("control over HTTP", "action", action, kind, name, "from", caller(ctx))
}

// readable puts what is wrong with a request into the detail of the answer. The values sent are left out: one may be
// a password.
func readable(_ huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok || len(e.Errors) == 0 {
		return v, nil
	}
	said := make([]string, 0, len(e.Errors))
	for _, d := range e.Errors {
		said = append(said, strings.TrimPrefix(d.Location+": "+d.Message, ": "))
	}
	return &huma.ErrorModel{Title: e.Title, Status: e.Status, Detail: e.Detail + ": " + strings.Join(said, "; ")}, nil
}

// operation describes one route. Those that change something answer 204 and take no body, unless they say otherwise.
func operation(method, path, id, summary string) huma.Operation {
	o := huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary,
		Errors:   []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
		Security: []map[string][]string{{"bearer": {}}}, MaxBodyBytes: maxBody,
	}
	if method != http.MethodGet {
		o.DefaultStatus = http.StatusNoContent
	}
	return o
}
