import { spawn } from 'node:child_process'

/**
 * Opens a page in the person's browser. Gives false where there is none to open: over ssh, without a screen, or without the
 * system's command for it.
 */
export async function openBrowser(url: URL): Promise<boolean> {
  const { platform, env } = process
  if (env['SSH_CONNECTION'] !== undefined || env['CI'] !== undefined) return false
  if (platform === 'linux' && env['DISPLAY'] === undefined && env['WAYLAND_DISPLAY'] === undefined)
    return false
  const [command, ...args] = COMMANDS[platform] ?? ['xdg-open']
  // No shell is between: nothing in the URL can be a command.
  const child = spawn(command, [...args, url.href], { stdio: 'ignore', detached: true })
  child.unref()
  return new Promise((resolve) => {
    child.once('error', () => resolve(false))
    child.once('spawn', () => resolve(true))
  })
}

const COMMANDS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}
