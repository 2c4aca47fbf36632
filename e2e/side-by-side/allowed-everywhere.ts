// Differences of every answer, whatever was asked.
import { because, type Allowed } from './allow-list.ts'

export const ALLOWED_EVERYWHERE: readonly Allowed[] = [
  ...because(
    'Scripts may read every header of an answer that is public anyway.',
    '* | header access-control-expose-headers | absent → *',
  ),
  ...because(
    'The reference’s framework hashes each answer into an ETag; no client of XRPC asks by one.',
    '* | header etag | present → absent',
  ),
  ...because('RFC 9110, 11.6.1: each 401 names the scheme.', '* | header www-authenticate | absent → *'),
  ...because(
    'JSON is UTF-8 by RFC 8259; it has no charset.',
    '* | header content-type | application/json; charset=utf-8 → application/json',
  ),
  ...because(
    '`vary: accept-encoding` is on what is large enough to be compressed, not on everything.',
    '* | header vary accept-encoding | present → absent',
  ),
  ...because(
    'An answer to credentials is private whatever it says: errors too, and what was found before they were looked at.',
    '* | header cache-control | absent → private',
    '* | header vary authorization | absent → present',
  ),
  ...because('An app password does not see the e-mail address.', '* | body.email | *@example.com → absent'),
  ...because(
    'What nobody’s credentials were needed for is the same for everybody; a 401 is kept by no cache.',
    '* | header cache-control | private → absent',
    '* | header vary authorization | present → absent',
  ),
  ...because(
    'The reference server has no second factor; the field says whether codes are mailed to sign in.',
    '* | body.emailAuthFactor | absent → false',
  ),
]
