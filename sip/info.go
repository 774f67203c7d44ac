package sip

// info hands a digit to the leg. An INFO of a package is refused, since none is announced; an
// INFO without body is a sign of life. RFC 6086, 4.2.2 (UA-8)
func (d *dialog) info(tx *serverTx) {
	req := tx.req
	switch pkg := headerValue(req, "info-package", ""); {
	case pkg != "":
		tx.refuse(469, "no info packages are served here", recvInfoHeader)
		return
	case len(req.Body()) == 0:
		d.server.ok(tx)
		return
	case d.passes():
		d.relayInfo(tx)
		return
	case d.server.cfg.ParseInfo == nil:
		tx.refuse(415, "INFO bodies are not read here")
		return
	}
	contentType := headerValue(req, "content-type", "c")
	digit, length, ok := d.server.cfg.ParseInfo(contentType, req.Body())
	if !ok {
		tx.refuse(415, "no digit found in a body of type "+orNone(contentType), acceptInfoHeader)
		return
	}
	d.server.ok(tx)
	d.leg.Digit(digit, length)
}
