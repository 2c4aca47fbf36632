import type { FooterTexts, ErrorTexts } from '../en/frame.ts'

/** The foot of every page. */
export const footer: FooterTexts = {
  label: 'Über diesen Dienst',
  skip: 'Zum Inhalt',
  home: 'Startseite',
  terms: 'Nutzungsbedingungen',
  privacy: 'Datenschutz',
  support: 'Hilfe',
}

/** Pages of errors. */
export const error: ErrorTexts = {
  title: 'Das hat nicht geklappt',
  back: 'Geh zurück zur App und beginne dort von vorn.',
  requestGone: 'Diese Anmeldung ist abgelaufen oder schon beendet.',
  requestElsewhere:
    'Diese Anmeldung wurde in einem anderen Browser begonnen. Zu deiner Sicherheit wurde sie beendet.',
  invalidRequest: 'Die App hat eine unbrauchbare Anfrage geschickt.',
  invalidForm: 'Dieses Formular ist unbrauchbar. Es ist nichts geschehen.',
  invalidClient: 'Was die App über sich sagt, ist unbrauchbar.',
  invalidScope: 'Die App verlangt etwas, das dieser Server nicht gewähren kann.',
  unavailable: 'Die App ist gerade nicht erreichbar. Versuche es in einigen Minuten noch einmal.',
  crossSite:
    'Diese Anfrage kam von einer anderen Website oder aus einer anderen Seite. Es ist nichts geschehen.',
  expiredForm:
    'Diese Seite ist veraltet, oder dein Browser behält die Cookies dieser Website nicht. Es ist nichts geschehen.',
  notSignedIn: 'Dieses Konto ist auf diesem Gerät nicht mehr angemeldet. Es ist nichts geschehen.',
  tooMany: 'Aus deinem Netz kamen zu viele Anfragen. Versuche es in einigen Minuten noch einmal.',
  failed: 'Hier ist etwas schiefgegangen. Versuche es in einigen Minuten noch einmal.',
  notFound: 'Diese Seite gibt es nicht.',
}
