import type { PdsConfig } from '../config/config.ts'

/** How this server presents itself to people. */
export interface Brand {
  readonly name: string
  readonly logoUrl: string | null
  /** Links at the foot of every page, in their order. */
  readonly homeUrl: string | null
  readonly supportUrl: string | null
  readonly privacyUrl: string | null
  readonly termsUrl: string | null
  /** `#rrggbb`. */
  readonly primary: string
  readonly error: string
  readonly warning: string
}

/** The settings, with what stands in for those that are not there. */
export function brandOf(config: PdsConfig): Brand {
  return {
    name: config.serviceName ?? config.hostname,
    logoUrl: config.logoUrl,
    homeUrl: config.homeUrl,
    supportUrl: config.supportUrl,
    privacyUrl: config.privacyPolicyUrl,
    termsUrl: config.termsOfServiceUrl,
    primary: config.primaryColor ?? '#1d5fd1',
    error: config.errorColor ?? '#b3261e',
    warning: config.warningColor ?? '#8a5300',
  }
}
