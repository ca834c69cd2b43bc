import type { Reason } from '../../domain/reason.ts'
import { ACCESS_TEXTS } from './access-texts.ts'
import { FORM_TEXTS } from './form-texts.ts'
import { LOGIN_TEXTS } from './login-texts.ts'
import type { RefusalText } from './refusal-text.ts'
import { REQUEST_TEXTS } from './request-texts.ts'
import { SERVICE_TEXTS } from './service-texts.ts'
import { SESSION_TEXTS } from './session-texts.ts'

/** The words for every refusal. A new reason does not compile until it has its own. */
export const TEXT_OF_REASON: Readonly<Record<Reason, RefusalText>> = {
  ...SESSION_TEXTS,
  ...LOGIN_TEXTS,
  ...FORM_TEXTS,
  ...ACCESS_TEXTS,
  ...REQUEST_TEXTS,
  ...SERVICE_TEXTS,
}
