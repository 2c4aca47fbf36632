import type { Awaitable } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

/** A browser in which somebody signed in at the pages of this server. Times here and below are ms since 1970. */
export interface DeviceRow {
  /** SHA-256 of the public half of its cookie, base64url. */
  readonly id: string
  /** SHA-256 of the secret half, base64url. */
  readonly secretHash: string
  /** As it named itself when it was seen last; null when it does not. */
  readonly userAgent: string | null
  readonly address: string | null
  readonly createdAt: number
  readonly seenAt: number
}

/** An account that is signed in on a device. */
export interface DeviceSignIn {
  readonly device: string
  readonly did: Did
  readonly signedInAt: number
  readonly expiresAt: number
  /** What let the owner in, in one text: it counts no more once the account has another one. */
  readonly mark: string
  /** The request of an app for which the owner signed in; null where it was for none. */
  readonly request: string | null
  /** Whether it counts beyond that request. */
  readonly remembered: boolean
}

/** Changes of devices. */
export type DeviceChange =
  /**
   * Keeps a device as it is now, and a sign-in on it in the place of one of the same account. Beyond the bounds the oldest sign-in goes: of
   * the device, and of the account.
   */
  | {
      readonly type: 'keepSignIn'
      readonly device: DeviceRow
      readonly signIn: Omit<DeviceSignIn, 'device'>
      readonly maxPerDevice: number
      readonly maxPerAccount: number
    }
  /** Gives a sign-in another mark, if it has the mark `from`; where it has not, or there is none, nothing is done. */
  | {
      readonly type: 'markSignIn'
      readonly device: string
      readonly did: Did
      readonly from: string
      readonly to: string
    }
  /** Notes that a device was there. */
  | { readonly type: 'sawDevice'; readonly id: string; readonly address: string | null; readonly at: number }
  /** Of all its accounts, or one. */
  | { readonly type: 'signOut'; readonly device: string; readonly did?: Did }
  /** An account, on all devices but one, or on all. Devices without any stay until `forgetDevices`. */
  | { readonly type: 'signOutAccount'; readonly did: Did; readonly except?: string }
  /** Forgets sign-ins that are over, and devices without any. */
  | { readonly type: 'forgetDevices'; readonly now: number }

/** Browsers, and who is signed in there. */
export interface DeviceRows {
  get(id: string): Awaitable<DeviceRow | null>
  /** Those on a device, also those that are over; signed in last first. */
  signIns(device: string): Awaitable<DeviceSignIn[]>
  /** Those of an account with their devices, seen last first. */
  list(did: Did): Awaitable<{ readonly device: DeviceRow; readonly signIn: DeviceSignIn }[]>
  /** Resolves when it is durable. */
  apply(change: DeviceChange): Promise<void>
}

/** A row of either database as a device. */
export function toDevice(row: Readonly<Record<string, unknown>>): DeviceRow {
  return {
    id: row['id'] as string,
    secretHash: row['secret_hash'] as string,
    userAgent: row['user_agent'] as string | null,
    address: row['address'] as string | null,
    createdAt: Number(row['created_at']),
    seenAt: Number(row['seen_at']),
  }
}

/** A row of either database as a sign-in. */
export function toSignIn(row: Readonly<Record<string, unknown>>): DeviceSignIn {
  return {
    device: row['device'] as string,
    did: row['did'] as Did,
    signedInAt: Number(row['signed_in_at']),
    expiresAt: Number(row['expires_at']),
    mark: row['mark'] as string,
    request: row['request'] as string | null,
    remembered: Boolean(row['remembered']),
  }
}
