import { XrpcError } from '@avocet/xrpc'

/** The access of a host whose accounts do not sign in. */
export const NOBODY = {
  authorize: (): never => {
    throw new XrpcError(401, 'AuthMissing', 'Authentication Required')
  },
} as const
