// What strangers write where an address, a name or a text of mail belongs: letters that look like others, and line breaks that
// would begin a header of the mail.
import { HOSTNAME, PASSWORD } from './server.ts'
import { outcome } from './wire.ts'
import type { Attack, World } from './world.ts'

const BAD_HANDLE = '400 InvalidHandle'
const BAD_INPUT = '400 InvalidRequest'

let names = 0
const newName = (): string => `guest${++names}`

async function invited({ server }: World): Promise<string> {
  const { body } = await server.operate('com.atproto.server.createInviteCode', { input: { useCount: 1 } })
  return body.code as string
}

async function register(world: World, change: object): Promise<string> {
  const name = newName()
  const input = {
    handle: `${name}.${HOSTNAME}`,
    email: `${name}@example.com`,
    password: PASSWORD,
    inviteCode: await invited(world),
    ...change,
  }
  return outcome(await world.server.call('com.atproto.server.createAccount', { input }))
}

const TAKEN = 'a handle of somebody else in capitals'

/** Handles, each asked for by a new account and by one that changes its own. */
export const HANDLES: readonly Attack[] = (
  [
    ['a letter of another alphabet', `\u0430lice.${HOSTNAME}`, BAD_INPUT],
    ['letters as wide as two', `ａｌｉｃｅ.${HOSTNAME}`, BAD_INPUT],
    ['mathematical letters', `𝐚𝐥𝐢𝐜𝐞.${HOSTNAME}`, BAD_INPUT],
    ['a dotless letter', `al\u0131ce.${HOSTNAME}`, BAD_INPUT],
    ['the sign of Kelvin, which becomes a k', `\u212Aelvin.${HOSTNAME}`, BAD_INPUT],
    ['a ligature', `o\uFB03ce.${HOSTNAME}`, BAD_INPUT],
    ['a combining accent', `ali\u0301ce.${HOSTNAME}`, BAD_INPUT],
    ['a space of no width', `al\u200Bice.${HOSTNAME}`, BAD_INPUT],
    ['a joiner', `al\u200Dice.${HOSTNAME}`, BAD_INPUT],
    ['a soft hyphen', `al\u00ADice.${HOSTNAME}`, BAD_INPUT],
    ['a mark that turns the text around', `\u202Ealice.${HOSTNAME}`, BAD_INPUT],
    ['an ideographic full stop', `alice。pds.example.com`, BAD_INPUT],
    ['a one-dot leader', `alice\u2024pds.example.com`, BAD_INPUT],
    ['a slash of fractions', `alice\u2044x.${HOSTNAME}`, BAD_INPUT],
    ['a null byte', `alice\0.${HOSTNAME}`, BAD_INPUT],
    ['a line break', `alice\n.${HOSTNAME}`, BAD_INPUT],
    ['a line break at its end', `alice.${HOSTNAME}\n`, BAD_INPUT],
    ['a space before it', ` alice.${HOSTNAME}`, BAD_INPUT],
    ['a dot at its end', `alice.${HOSTNAME}.`, BAD_INPUT],
    ['two dots', `alice..${HOSTNAME}`, BAD_INPUT],
    ['an underscore', `ali_ce.${HOSTNAME}`, BAD_INPUT],
    ['a hyphen at its end', `alice-.${HOSTNAME}`, BAD_INPUT],
    ['percent encoding', `ali%63e.${HOSTNAME}`, BAD_INPUT],
    ['an at sign', `@alice.${HOSTNAME}`, BAD_INPUT],
    ['254 letters', `${'a'.repeat(254 - HOSTNAME.length - 1)}.${HOSTNAME}`, BAD_INPUT],
    ['a label of 64 letters', `${'a'.repeat(64)}.${HOSTNAME}`, BAD_INPUT],
    ['a name of the prototype', `__proto__.${HOSTNAME}`, BAD_INPUT],
    [TAKEN, `USER2.${HOSTNAME.toUpperCase()}`, '400 HandleNotAvailable'],
    ['the server itself', HOSTNAME, '400 UnsupportedDomain'],
    ['a name below a name', `a.b.${HOSTNAME}`, BAD_HANDLE],
    ['a name of two letters', `ab.${HOSTNAME}`, BAD_HANDLE],
    ['a name of nineteen', `${'a'.repeat(19)}.${HOSTNAME}`, BAD_HANDLE],
    ['a name that is kept', `admin.${HOSTNAME}`, '400 HandleNotAvailable'],
    ['a name that is kept in capitals', `ADMIN.${HOSTNAME}`, '400 HandleNotAvailable'],
    ["a top level that is nobody's", 'alice.localhost', BAD_HANDLE],
    ['the handle that means none', 'handle.invalid', BAD_HANDLE],
  ] as const
).flatMap(([what, handle, right]) => [
  {
    what: `a new account with ${what}`,
    // A handle that is kept is not available to anybody; one that somebody has is an input like another that does not fit.
    right: what === TAKEN ? BAD_INPUT : right,
    run: (world: World) => register(world, { handle }),
  },
  {
    what: `a change to ${what}`,
    // An account that is there has a DID that a handle elsewhere could point at; this one points nowhere.
    right: right === '400 UnsupportedDomain' ? BAD_HANDLE : right,
    run: async ({ server, mallory }: World) =>
      outcome(
        await server.call('com.atproto.identity.updateHandle', {
          token: mallory.accessJwt,
          input: { handle },
        }),
      ),
  },
])

const ADDRESSES: readonly (readonly [string, string])[] = [
  ['a line break and a header', 'mallory@example.com\r\nBcc: alice@example.com'],
  ['a line feed', 'mallory@example.com\nBcc:alice@example.com'],
  ['a carriage return', 'mallory@example.com\rBcc:alice@example.com'],
  ['a line separator', 'mallory@example.com\u2028Bcc:alice@example.com'],
  ['a next line', 'mallory\u0085@example.com'],
  ['a null byte', 'mallory\0@example.com'],
  ['an end of a mail', 'mallory@example.com\r\n.\r\nMAIL'],
  ['two addresses', 'mallory@example.com,alice@example.com'],
  ['a list', 'x,user2@example.com'],
  ['a list by semicolons', 'x;user2@example.com'],
  ['a name before it', 'Mallory<user2@example.com>'],
  ['angle brackets', '<user2@example.com>'],
  ['a group', 'group:user2@example.com;'],
  ['a comment', 'user2(comment)@example.com'],
  ['quotes', '"user2"@example.com'],
  ['a backslash', 'user\\2@example.com'],
  ['an address of a host', 'mallory@[127.0.0.1]'],
  ['a route', '@example.org:user2@example.com'],
  ['half a letter', 'mallory\uD800@example.com'],
  ['a command', 'a@example.com> SIZE=1\r\nRCPT TO:<b@example.com'],
  ['no host', 'mallory@'],
  ['10 000 letters', `${'m'.repeat(10_000)}@example.com`],
]

/** Addresses of mail, for a new account, for a change by its owner and by the operator. */
export const MAIL_ADDRESSES: readonly Attack[] = ADDRESSES.flatMap(([what, email]) => [
  {
    what: `a new account whose address has ${what}`,
    right: BAD_INPUT,
    run: (world: World) => register(world, { email }),
  },
  {
    what: `a change to an address with ${what}`,
    right: BAD_INPUT,
    run: async ({ server, mallory }: World) =>
      outcome(
        await server.call('com.atproto.server.updateEmail', { token: mallory.accessJwt, input: { email } }),
      ),
  },
  {
    what: `a change by the operator to an address with ${what}`,
    right: BAD_INPUT,
    run: async ({ server, mallory }: World) =>
      outcome(
        await server.operate('com.atproto.admin.updateAccountEmail', {
          input: { account: mallory.did, email },
        }),
      ),
  },
])

/** What goes into a mail: it adds no header and no receiver. */
export const LETTERS: readonly Attack[] = (
  [
    ['a subject with a header', { subject: 'News\r\nBcc: victim@example.com\r\nX-Evil: 1' }],
    ['a subject with an end of the head', { subject: 'News\r\n\r\n<script>' }],
    [
      'a subject of other line breaks',
      { subject: 'News\u2028Bcc: victim@example.com\rX-Evil: 1\nX-Evil: 2' },
    ],
    ['a text with an end of the mail', { content: 'a\r\n.\r\nRCPT TO:<victim@example.com>\r\nX-Evil: 1' }],
    ['a text with a dot in front', { content: '.\r\n..\r\n.x' }],
    [
      'a text with a bare line feed and a dot',
      { content: 'a\n.\nMAIL FROM:<x@example.com>\nRCPT TO:<victim@example.com>' },
    ],
  ] as const
).map(([what, change]) => ({
  what,
  right: '200, to user2@example.com alone',
  run: async ({ server, alice, mallory }: World) => {
    const before = server.mail.received.length
    const answer = await server.operate('com.atproto.admin.sendEmail', {
      input: { recipientDid: alice.did, senderDid: mallory.did, subject: 'News', content: 'Text', ...change },
    })
    const got = server.mail.received.slice(before)
    const receivers = got.flatMap(({ to }) => to)
    const head = got.map(({ text }) => text.split('\r\n\r\n', 1)[0]!).join('\r\n')
    const odd = /^(bcc|x-evil):.*/im.exec(head)?.[0]
    return `${outcome(answer)}, to ${receivers.join()} alone${odd === undefined ? '' : ` with ${odd}`}`
  },
}))
