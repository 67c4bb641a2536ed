//! The hours of a host are told in its own time: minutes east of UTC by its country. Of a country with several zones it is that
//! of most people, and summer time is left out: hours of the day are looked at, not minutes.

use evidence::Country;

/// Countries by their minutes east of UTC.
const ZONES: [(i32, &str); 28] = [
    (-660, "AS NU UM"),
    (-600, "CK PF"),
    (-480, "PN"),
    (-360, "BZ CR GT HN MX NI SV US"),
    (-300, "BS CA CO CU EC HT JM KY PA PE TC"),
    (-240, "AG AI AW BB BL BM BO BQ CL CW DM DO GD GP GY KN LC MF MQ MS PR PY SX TT VC VE VG VI"),
    (-180, "AR BR FK GF PM SR UY"),
    (-120, "GL GS"),
    (-60, "CV"),
    (0, "BF CI EH FO GB GG GH GM GN GW IE IM IS JE LR ML MR PT SH SL SN ST TG"),
    (
        60,
        "AD AL AO AT BA BE BJ CD CF CG CH CM CZ DE DK DZ ES FR GA GI GQ HR HU IT LI LU MA MC ME MK MT NE NG NL NO PL RS SE SI \
         SJ SK SM TD TN VA XK",
    ),
    (120, "AX BG BI BW CY EE EG FI GR IL LB LS LT LV LY MD MW MZ NA PS RO RW SD SS SZ UA ZA ZM ZW"),
    (180, "BH BY DJ ER ET IQ JO KE KM KW MG QA RU SA SO SY TR TZ UG YE YT"),
    (210, "IR"),
    (240, "AE AM AZ GE MU OM RE SC"),
    (270, "AF"),
    (300, "KZ MV PK TF TJ TM UZ"),
    (330, "IN LK"),
    (345, "NP"),
    (360, "BD BT IO KG"),
    (390, "CC MM"),
    (420, "CX ID KH LA TH VN"),
    (480, "BN CN HK MN MO MY PH SG TW"),
    (540, "JP KP KR PW TL"),
    (600, "AU GU MP PG"),
    (660, "FM NC NF SB VU"),
    (720, "FJ KI MH NR NZ TV WF"),
    (780, "TK TO WS"),
];

/// Minutes east of UTC; 0 where nothing is known.
pub(super) fn of(country: Option<Country>) -> i32 {
    let Some(country) = country else { return 0 };
    let code = country.as_str();
    ZONES.iter().find(|(_, codes)| codes.split(' ').any(|other| other == code)).map_or(0, |(minutes, _)| *minutes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_country_has_one_zone_and_an_unknown_one_has_that_of_utc() {
        let all: Vec<_> = ZONES.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|code| code.parse::<Country>().is_ok()));
        let zone = |code: &str| of(code.parse().ok());
        assert_eq!([zone("IN"), zone("BR"), zone("GB"), zone("AQ"), of(None)], [330, -180, 0, 0, 0]);
    }
}
