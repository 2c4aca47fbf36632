// Values of settings from their text.
import { isIP } from 'node:net'

import { isLoopbackAddress } from '@avocet/did'

import type { LogLevel } from './config.ts'

/** A setting whose value cannot be used. `setting` is the name the operator wrote. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
  readonly setting: string
  constructor(setting: string, message: string) {
    super(message)
    this.setting = setting
  }
}

/** Refuses a value. `text` is shown: not that of a secret. @throws SettingError */
export const bad: (expected: string, text: string) => never = (expected, text) => {
  throw new SettingError('', `expected ${expected}, got "${text}"`)
}

/** A whole number within bounds. @throws SettingError */
export function integer(text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : bad(`a whole number from ${min} to ${max}`, text)
}

/** `true` or `1`, `false` or `0`. @throws SettingError */
export function boolean(text: string): boolean {
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0' || text === '') return false
  return bad('true or false', text)
}

/** Items between commas. */
export const list: (text: string) => string[] = (text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** An http(s) URL, without slashes at its end. @throws SettingError */
export function httpUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return bad('an http(s) URL', text)
  return text.replace(/^(.*[^/])?\/*$/s, '$1')
}

/** An origin: https, or http on this machine. It is what apps know the server by, so that it has no path. @throws SettingError */
export function publicOrigin(text: string): string {
  const url = URL.parse(httpUrl(text))!
  if (url.href !== `${url.origin}/`) return bad('an origin such as https://pds.example.com', text)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isLocal = host === 'localhost' || host.endsWith('.localhost') || isLoopbackAddress(host)
  return url.protocol === 'https:' || isLocal ? url.origin : bad('https, as it is not of this machine', text)
}

/** An https URL. @throws SettingError */
export function httpsUrl(text: string): string {
  return URL.parse(text)?.protocol === 'https:' ? text : bad('an https URL', text)
}

/** A colour as `#rrggbb`, or `#rgb` for short, in lower case. @throws SettingError */
export function colour(text: string): string {
  if (/^#[0-9a-f]{6}$/i.test(text)) return text.toLowerCase()
  if (!/^#[0-9a-f]{3}$/i.test(text)) return bad('a colour as #rrggbb', text)
  return `#${Array.from(text.slice(1), (digit) => digit + digit).join('')}`.toLowerCase()
}

/** The URL of an SMTP server. It holds a password, so it is not shown. @throws SettingError */
export function smtpUrl(text: string): string {
  return /^smtps?:\/\//.test(text) ? text : bad('a URL that begins with smtp:// or smtps://', '…')
}

/** An IP address, or a block of them such as `192.0.2.0/24`. @throws SettingError */
export function addressBlock(text: string): string {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32))
  return family !== 0 && fits && rest.length === 0
    ? text
    : bad('an IP address or a block such as 192.0.2.0/24', text)
}

/** An http(s) URL with three `%s`. @throws SettingError */
export function imagePattern(text: string): string {
  const isPattern = text.split('%s').length === 4
  return isPattern ? httpUrl(text) : bad('a URL with three %s', text)
}

/** A host name, in lower case. @throws SettingError */
export function hostname(text: string): string {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text)
    ? text.toLowerCase()
    : bad('a host name without scheme or port', text)
}

/** A suffix of handles with its leading dot, in lower case. @throws SettingError */
export function handleDomain(text: string): string {
  return /^(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/i.test(text)
    ? text.toLowerCase()
    : bad('suffixes such as ".example.com"', text)
}

/** A DID. @throws SettingError */
export function did(text: string): string {
  return /^did:[a-z]+:[a-zA-Z0-9._:%-]+$/.test(text) ? text : bad('a DID', text)
}

/** The hex of a 32-byte private key. @throws SettingError */
export function privateKeyHex(text: string): string {
  return /^[0-9a-f]{64}$/i.test(text) ? text.toLowerCase() : bad('64 hexadecimal digits', '…')
}

/** Whether a write is answered when it is on the disk. @throws SettingError */
export function synchronous(text: string): 'full' | 'normal' {
  return text === 'full' || text === 'normal' ? text : bad('full or normal', text)
}

/** A level of the log; the reference server's names are taken too. @throws SettingError */
export function logLevel(text: string): LogLevel {
  const level = text === 'trace' ? 'debug' : text === 'fatal' ? 'error' : text
  return level === 'silent' || level === 'error' || level === 'warn' || level === 'info' || level === 'debug'
    ? level
    : bad('silent, error, warn, info or debug', text)
}
