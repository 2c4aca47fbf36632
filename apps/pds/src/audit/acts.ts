import { maskEmail } from '../redact.ts'

/** A call as the audit log looks at it. Only what an act picks out of it is kept. */
export interface AuditedCall {
  readonly input: Readonly<Record<string, unknown>>
  /** What the method answered; empty when it failed. */
  readonly output: Readonly<Record<string, unknown>>
  readonly header: (name: string) => string | null
}

/** Names of acts that pages do, too. */
export const ACCOUNT_CREATED = 'account created'
export const RESET_ASKED = 'password reset asked for'
export const PASSWORD_RESET = 'password reset'

/** How the audit log keeps the calls of one method. */
export interface Act {
  readonly action: string
  /** Anybody may call it: what fails is an attempt. */
  readonly open?: true
  /** Only what was done is kept. */
  readonly doneOnly?: true
  /** Names the account that it is about, by DID, handle or address; that of the caller when absent. */
  readonly subject?: (call: AuditedCall) => unknown
  /** What else to keep: no secret, and of an address only what tells two apart. */
  readonly detail?: (call: AuditedCall) => Record<string, unknown>
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.slice(0, 512) : undefined
const masked = (value: unknown): string | undefined =>
  typeof value === 'string' ? maskEmail(value.slice(0, 512)) : undefined

/** What kind of password a session was started with, as its access token says. */
function sessionKind({ output }: AuditedCall): Record<string, unknown> {
  const [, payload] = typeof output['accessJwt'] === 'string' ? output['accessJwt'].split('.') : []
  if (payload === undefined) return {}
  const { scope } = claims(payload)
  if (scope === 'com.atproto.appPass') return { kind: 'app password' }
  return { kind: scope === 'com.atproto.appPassPrivileged' ? 'privileged app password' : 'password' }
}

/** The account of the token that a method has verified by itself. */
const ofToken = ({ header }: AuditedCall): unknown => {
  const payload = header('authorization')?.split('.')[1]
  return payload === undefined ? undefined : claims(payload)['sub']
}

const claims = (payload: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>

const ofInput = ({ input }: AuditedCall): unknown => input['did']
const ofSubject = ({ input }: AuditedCall): unknown => {
  const { did, uri } = (input['subject'] ?? {}) as { did?: unknown; uri?: unknown }
  return did ?? (typeof uri === 'string' ? uri.split('/')[2] : undefined)
}

/** The methods whose calls are kept, by NSID. */
export const ACTS: ReadonlyMap<string, Act> = new Map<string, Act>([
  [
    'com.atproto.server.createAccount',
    {
      action: ACCOUNT_CREATED,
      open: true,
      subject: ({ output }) => output['did'],
      detail: ({ input }) => ({ handle: text(input['handle']) }),
    },
  ],
  [
    'com.atproto.server.createSession',
    {
      action: 'sign-in',
      open: true,
      subject: ({ input, output }) => output['did'] ?? input['identifier'],
      detail: sessionKind,
    },
  ],
  ['com.atproto.server.deleteSession', { action: 'sign-out', doneOnly: true, subject: ofToken }],
  [
    'com.atproto.server.createAppPassword',
    {
      action: 'app password created',
      detail: ({ input }) => ({ name: text(input['name']), privileged: input['privileged'] === true }),
    },
  ],
  [
    'com.atproto.server.revokeAppPassword',
    { action: 'app password revoked', detail: ({ input }) => ({ name: text(input['name']) }) },
  ],
  [
    'com.atproto.server.requestPasswordReset',
    { action: RESET_ASKED, open: true, subject: ({ input }) => input['email'] },
  ],
  ['com.atproto.server.resetPassword', { action: PASSWORD_RESET, open: true }],
  [
    'com.atproto.server.updateEmail',
    {
      action: 'e-mail address changed',
      // With the present address, codes to sign in are all that changed.
      detail: ({ input }) => ({ email: masked(input['email']), signInCodes: input['emailAuthFactor'] }),
    },
  ],
  [
    'com.atproto.server.confirmEmail',
    { action: 'e-mail address confirmed', detail: ({ input }) => ({ email: masked(input['email']) }) },
  ],
  ['com.atproto.server.requestAccountDelete', { action: 'account deletion asked for' }],
  ['com.atproto.server.deleteAccount', { action: 'account deleted', open: true, subject: ofInput }],
  [
    'com.atproto.server.deactivateAccount',
    {
      action: 'account deactivated',
      detail: ({ input }) => ({ deleteAfter: text(input['deleteAfter']) }),
    },
  ],
  ['com.atproto.server.activateAccount', { action: 'account activated' }],
  [
    'com.atproto.identity.updateHandle',
    { action: 'handle changed', detail: ({ input }) => ({ handle: text(input['handle']) }) },
  ],
  ['com.atproto.identity.requestPlcOperationSignature', { action: 'identity change asked for' }],
  ['com.atproto.identity.signPlcOperation', { action: 'identity change signed' }],
  ['com.atproto.identity.submitPlcOperation', { action: 'identity change submitted' }],
  ['com.atproto.repo.importRepo', { action: 'repository imported' }],
  [
    'com.atproto.server.createInviteCode',
    {
      action: 'invite code created',
      detail: ({ input }) => ({ uses: input['useCount'], for: text(input['forAccount']) }),
    },
  ],
  [
    'com.atproto.server.createInviteCodes',
    {
      action: 'invite codes created',
      detail: ({ input }) => ({ codes: input['codeCount'], uses: input['useCount'] }),
    },
  ],
  ['com.atproto.admin.deleteAccount', { action: 'account deleted', subject: ofInput }],
  [
    'com.atproto.admin.disableAccountInvites',
    { action: 'invites disabled', subject: ({ input }) => input['account'] },
  ],
  [
    'com.atproto.admin.enableAccountInvites',
    { action: 'invites enabled', subject: ({ input }) => input['account'] },
  ],
  [
    'com.atproto.admin.disableInviteCodes',
    {
      action: 'invite codes disabled',
      detail: ({ input }) => ({
        codes: Array.isArray(input['codes']) ? input['codes'].length : 0,
        accounts: Array.isArray(input['accounts']) ? input['accounts'].slice(0, 100).map(text) : [],
      }),
    },
  ],
  ['com.atproto.admin.sendEmail', { action: 'mail sent', subject: ({ input }) => input['recipientDid'] }],
  [
    'com.atproto.admin.updateAccountEmail',
    {
      action: 'e-mail address changed',
      subject: ({ input }) => input['account'],
      detail: ({ input }) => ({ email: masked(input['email']) }),
    },
  ],
  [
    'com.atproto.admin.updateAccountHandle',
    {
      action: 'handle changed',
      subject: ofInput,
      detail: ({ input }) => ({ handle: text(input['handle']) }),
    },
  ],
  ['com.atproto.admin.updateAccountPassword', { action: 'password set', subject: ofInput }],
  [
    'com.atproto.admin.updateSubjectStatus',
    {
      action: 'status changed',
      subject: ofSubject,
      detail: ({ input }) => {
        const { takedown, deactivated, subject } = input as Record<string, { [key: string]: unknown }>
        return {
          uri: text(subject?.['uri']),
          blob:
            subject?.['$type'] === 'com.atproto.admin.defs#repoBlobRef' ? text(subject['cid']) : undefined,
          takedown: takedown?.['applied'],
          ref: text(takedown?.['ref']),
          deactivated: deactivated?.['applied'],
        }
      },
    },
  ],
])
