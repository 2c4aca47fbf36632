// An authenticator of Chromium's own, for passkeys.
import type { Page } from 'playwright-core'

/** Gives a page an authenticator that keeps passkeys and says yes to everything. */
export async function addVirtualAuthenticator(page: Page): Promise<{
  /** Whether it makes sure from now on who is there. */
  readonly verify: (isUserVerified: boolean) => Promise<void>
}> {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return {
    verify: async (isUserVerified) => {
      await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    },
  }
}
