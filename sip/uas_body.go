package sip

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Bounds of multipart bodies.
const (
	multipartDepth = 3
	multipartParts = 16
)

// description finds the session description in the body of a message: the body itself, or a part
// of a multipart body, nested too. nil without error: there is none. Parts that are not
// understood are skipped when their handling is optional. RFC 3261, 8.2.3; RFC 5621, 3 (UA-9)
func description(m sipgo.Message) ([]byte, *Refusal) {
	body := m.Body()
	if len(body) == 0 {
		return nil, nil
	}
	contentType := headerValue(m, "content-type", "c")
	if contentType == "" && bytes.HasPrefix(body, []byte("v=0")) {
		contentType = "application/sdp" // some clients forget it, and the body says what it is
	}
	if enc := headerValue(m, "content-encoding", "e"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, &Refusal{Code: 415, Warning: "content encoding " + enc + " is not understood"}
	}
	return part(contentType, headerValue(m, "content-disposition", ""), body, multipartDepth)
}

// part looks for the description in one body part.
func part(contentType, disposition string, body []byte, depth int) ([]byte, *Refusal) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(contentType, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	kind, dispParams, _ := mime.ParseMediaType(disposition)
	optional := strings.EqualFold(dispParams["handling"], "optional")
	switch {
	case media == "application/sdp" && (kind == "" || kind == "session"):
		return body, nil
	case strings.HasPrefix(media, "multipart/") && depth > 0 && params["boundary"] != "":
		sdp, refusal := parts(params["boundary"], media == "multipart/alternative", body, depth-1)
		if refusal != nil && optional {
			return nil, nil
		}
		return sdp, refusal
	case optional:
		return nil, nil
	}
	return nil, &Refusal{Code: 415, Warning: "content type " + orNone(media) + " is not understood"}
}

// parts goes through a multipart body. Of alternatives the last one understood counts, and those
// that are not understood do not matter. RFC 2046, 5.1.4
func parts(boundary string, alternative bool, body []byte, depth int) ([]byte, *Refusal) {
	var found []byte
	var refused *Refusal
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for range multipartParts {
		p, err := r.NextRawPart()
		if err != nil {
			break
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, &Refusal{Code: 400, Warning: "the multipart body is cut off"}
		}
		sdp, refusal := part(partType(p.Header), p.Header.Get("Content-Disposition"), content, depth)
		switch {
		case refusal != nil:
			refused = refusal
		case sdp != nil && (found == nil || alternative):
			found = sdp
		}
	}
	if refused != nil && (!alternative || found == nil) {
		return nil, refused
	}
	return found, nil
}

func partType(h textproto.MIMEHeader) string {
	if v := h.Get("Content-Type"); v != "" {
		return v
	}
	if v := h.Get("C"); v != "" {
		return v
	}
	return "text/plain"
}

// acceptsSDP says whether an answer in SDP is welcome: Accept is absent or lists it. RFC 3261, 20.1
func acceptsSDP(req *sipgo.Request) bool {
	any := false
	for v := range listValues(req, "accept") {
		any = true
		media, _, _ := strings.Cut(v, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "application/sdp", "application/*", "*/*":
			return true
		}
	}
	return !any
}

// headerValue is the value of the first header called name or compact (lower case), or "".
func headerValue(m sipgo.Message, name, compact string) string {
	if hs := m.GetHeaders(name); len(hs) > 0 {
		return hs[0].Value()
	}
	if compact != "" {
		if hs := m.GetHeaders(compact); len(hs) > 0 {
			return hs[0].Value()
		}
	}
	return ""
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
