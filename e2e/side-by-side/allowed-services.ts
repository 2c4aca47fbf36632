// Where what reaches other services, or comes back from them, differs from the reference, and why.
import { because, type Allowed } from './allow-list.ts'
import { ALLOWED_EVERYWHERE } from './allowed-everywhere.ts'

export const ALLOWED_SERVICES: readonly Allowed[] = [
  ...ALLOWED_EVERYWHERE,
  ...because(
    'Each server asks in its own name, for the encodings that it can undo.',
    '* | reached[*].headers.accept-encoding | * → gzip, br',
    '* | reached[*].headers.accept | * → *',
    '* | reached[*].headers.user-agent | * → avocet',
  ),
  ...because(
    'A server is no browser: what `fetch` adds in the name of one is not sent.',
    '* | reached[*].headers.accept-language | * → absent',
    '* | reached[*].headers.sec-fetch-mode | cors → absent',
  ),
  ...because(
    'How far the AppView had read is passed on with what it said, changed or not, and with its errors.',
    '* | header atproto-repo-rev | absent → <tid>',
  ),
  ...because(
    'The lag is what it is, also where an answer that is not by the lexicon is left alone.',
    'app.bsky.actor.getProfile: not what the lexicon says | header atproto-upstream-lag | absent → present',
  ),
  ...because(
    'The parents of an own reply are asked for without a height; the AppView’s default is the lexicon’s, 80.',
    'app.bsky.feed.getPostThread: of the reply | reached[1].url | *&parentHeight=80&depth=0 → *&depth=0',
  ),
  ...because(
    'UnknownFeed is the error of the lexicon for a generator that cannot be found.',
    'app.bsky.feed.getFeed: of a generator that is not there | outcome | 400 RecordNotFound → 400 UnknownFeed',
    'app.bsky.feed.getFeed: of a generator without a DID | outcome | 400 InvalidRequestError → 400 UnknownFeed',
  ),
  ...because(
    'When to try again is worth more with the 429 that says so.',
    'com.example.probe.ask: answered with a 429 | header retry-after | absent → 7',
  ),
  ...because(
    'A redirect of a service is a fault of the service: clients would follow it with their own credentials.',
    'com.example.probe.ask: answered with a redirect | outcome | 302 → 502 UpstreamFailure',
  ),
  ...because(
    'A target that cannot be resolved is a mistake in the request, not in the server.',
    'com.example.probe.ask: to a DID of no method | outcome | 500 InternalServerError → 400 InvalidRequest',
    'com.example.probe.ask: to a did:web where nobody listens | outcome | 500 InternalServerError → 400 InvalidRequest',
    'com.example.probe.ask: to what is no DID | outcome | 500 InternalServerError → 400 InvalidRequest',
  ),
  ...because(
    'describeServer also tells the other limits, and that no telephone is needed.',
    'com.atproto.server.describeServer: * | body.phoneVerificationRequired | absent → false',
    'com.atproto.server.describeServer: * | body.limits | absent → *',
  ),
]
