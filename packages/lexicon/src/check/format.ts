// https://atproto.com/specs/lexicon#string-formats
import {
  isAtIdentifier,
  isAtUri,
  isCidString,
  isDatetime,
  isDid,
  isHandle,
  isLanguage,
  isNsid,
  isRecordKey,
  isTid,
  isUri,
} from '@avocet/syntax'
import type { StringFormat } from '../document.ts'

/** The test of each string format. */
export const FORMATS: { readonly [format in StringFormat]: (value: string) => boolean } = {
  'at-identifier': isAtIdentifier,
  'at-uri': isAtUri,
  cid: isCidString,
  datetime: isDatetime,
  did: isDid,
  handle: isHandle,
  language: isLanguage,
  nsid: isNsid,
  'record-key': isRecordKey,
  tid: isTid,
  uri: isUri,
}
