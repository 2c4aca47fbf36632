import type { Account } from '../../account.ts'
import type { Visitor } from '../../factors/challenges.ts'
import type { SignedIn } from '../browsers.ts'
import type { Fragment } from '../html.ts'
import type { PageLimit } from '../page-limits.ts'
import type { Texts } from '../texts/texts.ts'
import type { HiddenFields } from '../views/parts.ts'
import type { PageOptions, Visit } from '../visit.ts'

/**
 * A page of an account, for its owner. To add one: write it in this folder, and name it in `createAccountPages`. The frame sees to all else:
 * who is signed in, how long ago, forms from our own pages alone, limits, navigation, notices and problems.
 */
export interface OwnerPage {
  /** `/account`, or a path below it. */
  readonly path: string
  /** Whether it is for owners alone who have proved themselves in the last minutes: what lets somebody in, or ends the account. */
  readonly isGrave: boolean
  /** Its heading, and its name in the navigation. */
  readonly title: (texts: Texts) => string
  /** What it says once a form was taken, by the names that `owner.done` gets. */
  readonly notices?: (texts: Texts) => Readonly<Record<string, string>>
  /** Answers with `owner.page`. Called again where a form threw what its sender can mend, with `owner.problem`. */
  readonly show: (owner: Owner) => Promise<Response>
  /** Its forms, by their hidden field `do`. */
  readonly forms?: ReadonlyMap<string, OwnerForm>
}

/** Takes a form. @throws FormProblem, or a PdsError that `problems.ts` knows: the page is shown again, and says so */
export type OwnerForm = (owner: Owner) => Promise<Response>

/** The owner of an account at one of its pages. */
export interface Owner {
  readonly visit: Visit
  readonly texts: Texts
  readonly account: Account
  readonly signedIn: SignedIn
  /** Who it is, for the parts that begin something here and finish it here. */
  readonly visitor: Visitor
  /** Fields that every form of the page has, beside `do`. */
  readonly fields: HiddenFields
  /** What is wrong with what was typed; null where nothing is. */
  readonly problem: string | null
  /** What a field of the form held that was posted; empty on a page that somebody went to, whatever its URL says. */
  readonly typed: (name: string) => string
  /** A page of the same account. @param path as in `OwnerPage` */
  readonly url: (path: string) => string
  /** The page in its frame. */
  readonly page: (body: Fragment, options?: OwnerPageOptions) => Response
  /** To the page (or another one) by a redirect, which says there what was done. @param notice a name among its `notices` */
  readonly done: (notice: string, path?: string) => Response
  /** Counts one against each bound, for the account. @throws FormProblem with status 429 */
  readonly limit: (bounds: readonly PageLimit[]) => Promise<void>
  /** As `Browsers.stay`: after whatever changes the password, the factors, or whether codes are mailed. */
  readonly stay: (passwordHash?: string) => Promise<void>
  /**
   * Does something, and keeps in the audit log what became of it: as the method of this NSID does, or (a text without dots) as such.
   * @param input what the method would be given, or what else to keep
   */
  readonly act: <T>(
    what: string,
    input: Readonly<Record<string, unknown>>,
    task: () => Promise<T>,
  ) => Promise<T>
}

/** How a page of an account is sent. */
export interface OwnerPageOptions extends PageOptions {
  /** Default: that of the page. */
  readonly title?: string
  /** As in `PageContent`. */
  readonly usesPasskeys?: boolean
}

/** What somebody can mend who posted a form. */
export class FormProblem extends Error {
  override readonly name = 'FormProblem'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  /** @param text in the language of the page */
  constructor(text: string, status = 400, headers: Readonly<Record<string, string>> = {}) {
    super(text)
    this.status = status
    this.headers = headers
  }
}
