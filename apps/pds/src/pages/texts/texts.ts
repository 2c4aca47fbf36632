import type { Description } from '@avocet/oauth-scopes'

/** Everything that the pages say, in one language. A language is one file beside this one, and a line in `choose.ts`. */
export interface Texts {
  /** BCP 47. */
  readonly language: string
  readonly footer: {
    readonly label: string
    readonly home: string
    readonly terms: string
    readonly privacy: string
    readonly support: string
  }
  readonly signIn: {
    readonly title: string
    /** @param app how the app is named; empty for one on the person's device */
    readonly toContinue: (app: string) => string
    readonly identifier: string
    readonly identifierHint: string
    readonly password: string
    readonly passwordHint: string
    readonly remember: string
    readonly rememberHint: string
    readonly submit: string
    readonly cancel: string
    readonly otherAccounts: string
  }
  readonly factor: {
    readonly title: string
    readonly code: string
    /** What codes the account takes, of these kinds. */
    readonly hint: (kinds: readonly string[]) => string
    /** For an account that has nothing but a passkey. */
    readonly passkeyOnly: string
    readonly submit: string
    readonly mail: string
    readonly mailed: string
    readonly restart: string
  }
  readonly accounts: {
    readonly title: string
    readonly choose: string
    readonly use: (handle: string) => string
    readonly other: string
    readonly signOut: string
    readonly signOutOf: (handle: string) => string
  }
  readonly consent: {
    readonly title: string
    readonly asks: (app: string) => string
    readonly onDevice: string
    readonly as: string
    readonly notYou: string
    readonly choose: string
    readonly alwaysNote: string
    readonly broad: string
    readonly critical: string
    readonly setContents: (count: number) => string
    readonly technical: string
    readonly appTerms: string
    readonly appPrivacy: string
    readonly allow: string
    readonly deny: string
    readonly revokeNote: string
    /** `transition:chat.bsky`, which is something beside another scope only. */
    readonly chat: string
    /** One line of what an app may do. Its own words may be a stranger's: text, not markup. */
    readonly permission: (description: Description) => string
  }
  readonly error: {
    readonly title: string
    readonly back: string
    readonly requestGone: string
    readonly requestElsewhere: string
    readonly invalidRequest: string
    readonly invalidClient: string
    readonly invalidScope: string
    readonly unavailable: string
    readonly crossSite: string
    readonly expiredForm: string
    readonly notSignedIn: string
    readonly tooMany: string
    readonly failed: string
    readonly notFound: string
  }
  readonly problem: {
    readonly wrongPassword: string
    readonly wrongCode: string
    readonly tooLong: string
    readonly tooMany: string
    readonly takendown: string
    readonly mailFailed: string
  }
}
