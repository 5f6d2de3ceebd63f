//! The words of subjects and activities, per language.

use crate::policy::{CallType, Locale};

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Words {
    pub inbound_answered: &'static str,
    pub outbound_answered: &'static str,
    pub outbound_unanswered: &'static str,
    pub missed: &'static str,
    pub voicemail: &'static str,
    pub anonymous: &'static str,
    pub customer: &'static str,
    pub line: &'static str,
    pub agent: &'static str,
    pub started: &'static str,
    pub reason: &'static str,
    pub transferred: &'static str,
    pub transfer_failed: &'static str,
    pub outside: &'static str,
    pub tags: &'static str,
    pub talk_time: &'static str,
    pub total_time: &'static str,
    pub recording: &'static str,
    pub voicemail_activity: &'static str,
    pub pending: &'static str,
    pub unknown_line: &'static str,
    /// Shown below a text that is too long for Front.
    pub shortened: &'static str,
    reasons: [&'static str; 6],
}

impl Words {
    pub(crate) fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::En => &EN,
            Locale::Es => &ES,
            Locale::Fr => &FR,
            Locale::De => &DE,
        }
    }

    pub(crate) fn call_type(&self, call_type: CallType) -> &'static str {
        match call_type {
            CallType::InboundAnswered => self.inbound_answered,
            CallType::OutboundAnswered => self.outbound_answered,
            CallType::OutboundUnanswered => self.outbound_unanswered,
            CallType::Missed => self.missed,
            CallType::Voicemail => self.voicemail,
        }
    }

    /// Aircall's reasons are an open list: one that is not known is shown as it came.
    pub(crate) fn missed_reason<'a>(&'a self, reason: &'a str) -> &'a str {
        let known = match reason {
            "out_of_opening_hours" => 0,
            "short_abandoned" => 1,
            "abandoned_in_ivr" => 2,
            "abandoned_in_classic" | "abandoned" => 3,
            "no_available_agent" => 4,
            "agents_did_not_answer" => 5,
            _ => return reason,
        };
        self.reasons[known]
    }
}

const EN: Words = Words {
    inbound_answered: "Inbound call",
    outbound_answered: "Outbound call",
    outbound_unanswered: "Unanswered outbound call",
    missed: "Missed call",
    voicemail: "Voicemail",
    anonymous: "Anonymous caller",
    customer: "Customer",
    line: "Line",
    agent: "Agent",
    started: "Started",
    reason: "Reason",
    transferred: "Transferred to",
    transfer_failed: "Transfer failed to",
    outside: "an outside number",
    tags: "Tags",
    talk_time: "Talk time",
    total_time: "Total time",
    recording: "Recording",
    voicemail_activity: "Voicemail",
    pending: "being processed",
    unknown_line: "unknown line",
    shortened: "shortened; the whole text is in Aircall",
    reasons: [
        "outside opening hours",
        "the caller hung up at once",
        "the caller hung up in the menu",
        "the caller hung up while waiting",
        "no agent was available",
        "no agent answered",
    ],
};

const ES: Words = Words {
    inbound_answered: "Llamada entrante",
    outbound_answered: "Llamada saliente",
    outbound_unanswered: "Llamada saliente sin respuesta",
    missed: "Llamada perdida",
    voicemail: "Mensajes de voz",
    anonymous: "Llamante anónimo",
    customer: "Cliente",
    line: "Línea",
    agent: "Agente",
    started: "Inicio",
    reason: "Motivo",
    transferred: "Transferida a",
    transfer_failed: "Transferencia fallida a",
    outside: "un número externo",
    tags: "Etiquetas",
    talk_time: "Tiempo de conversación",
    total_time: "Tiempo total",
    recording: "Grabación",
    voicemail_activity: "Mensaje de voz",
    pending: "en proceso",
    unknown_line: "línea desconocida",
    shortened: "abreviado; el texto completo está en Aircall",
    reasons: [
        "fuera del horario de apertura",
        "el cliente colgó enseguida",
        "el cliente colgó en el menú",
        "el cliente colgó durante la espera",
        "ningún agente disponible",
        "ningún agente contestó",
    ],
};

const FR: Words = Words {
    inbound_answered: "Appel entrant",
    outbound_answered: "Appel sortant",
    outbound_unanswered: "Appel sortant sans réponse",
    missed: "Appel manqué",
    voicemail: "Message vocal",
    anonymous: "Appelant anonyme",
    customer: "Client",
    line: "Ligne",
    agent: "Agent",
    started: "Début",
    reason: "Motif",
    transferred: "Transféré à",
    transfer_failed: "Transfert échoué vers",
    outside: "un numéro externe",
    tags: "Tags",
    talk_time: "Temps de conversation",
    total_time: "Durée totale",
    recording: "Enregistrement",
    voicemail_activity: "Message vocal",
    pending: "en cours de traitement",
    unknown_line: "ligne inconnue",
    shortened: "abrégé ; le texte entier est dans Aircall",
    reasons: [
        "hors des heures d'ouverture",
        "l'appelant a raccroché aussitôt",
        "l'appelant a raccroché dans le menu",
        "l'appelant a raccroché pendant l'attente",
        "aucun agent disponible",
        "aucun agent n'a répondu",
    ],
};

const DE: Words = Words {
    inbound_answered: "Eingehender Anruf",
    outbound_answered: "Ausgehender Anruf",
    outbound_unanswered: "Unbeantworteter ausgehender Anruf",
    missed: "Verpasster Anruf",
    voicemail: "Sprachnachricht",
    anonymous: "Anonymer Anrufer",
    customer: "Kunde",
    line: "Leitung",
    agent: "Agent",
    started: "Beginn",
    reason: "Grund",
    transferred: "Weitergeleitet an",
    transfer_failed: "Weiterleitung gescheitert an",
    outside: "eine externe Nummer",
    tags: "Tags",
    talk_time: "Gesprächsdauer",
    total_time: "Gesamtdauer",
    recording: "Aufzeichnung",
    voicemail_activity: "Sprachnachricht",
    pending: "wird verarbeitet",
    unknown_line: "unbekannte Leitung",
    shortened: "gekürzt; der ganze Text steht in Aircall",
    reasons: [
        "außerhalb der Öffnungszeiten",
        "der Anrufer hat sofort aufgelegt",
        "der Anrufer hat im Menü aufgelegt",
        "der Anrufer hat beim Warten aufgelegt",
        "kein Agent war verfügbar",
        "kein Agent hat abgenommen",
    ],
};
