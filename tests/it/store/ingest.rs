//! Terminals and what could not be read.

use roadwarden::model::TerminalPhone;
use roadwarden::store::{
    Page, QUARANTINE_BYTES_MAX, QUARANTINE_ROWS_MAX, QuarantineEntry, RegisteredTerminal,
    Registration, Sighting, UNKNOWN_TERMINALS_MAX,
};

use super::samples::at;
use super::support::{Place, on_both_engines};

fn phone(number: u64) -> TerminalPhone {
    TerminalPhone::new(&number.to_string()).unwrap()
}

fn terminal(number: u64) -> RegisteredTerminal {
    RegisteredTerminal {
        phone: phone(number),
        code_hash: vec![0xab; 32],
        registered_at: at(5),
        registration: Registration {
            province: 43,
            county: 102,
            manufacturer: "HNAT1".to_owned(),
            model: "型号 A".to_owned(),
            device: "0000001".to_owned(),
            plate: "湘A12345".to_owned(),
        },
    }
}

fn sighting(number: u64, second: i64, plate: Option<&str>) -> Sighting {
    Sighting {
        phone: phone(number),
        at: at(second),
        address: format!("192.0.2.1:{second}"),
        plate: plate.map(str::to_owned),
    }
}

fn entry(second: i64, bytes: Vec<u8>) -> QuarantineEntry {
    QuarantineEntry {
        at: at(second),
        protocol: "jt808".to_owned(),
        code: "checksum".to_owned(),
        peer: "192.0.2.1:7".to_owned(),
        bytes,
    }
}

on_both_engines! {
    async fn codes_are_saved_replaced_and_forgotten(place: Place) {
        let store = place.owner().await;
        assert_eq!(store.terminal(&phone(139)).await.unwrap(), None);
        store.save_terminal(&terminal(139)).await.unwrap();
        let mut newer = terminal(139);
        newer.code_hash = vec![1; 32];
        store.save_terminal(&newer).await.unwrap();
        store.save_terminal(&terminal(138)).await.unwrap();
        assert_eq!(store.terminal(&phone(139)).await.unwrap(), Some(newer.clone()));
        let listed = store.list_terminals(&Page::first(1)).await.unwrap();
        assert_eq!(listed.items, [terminal(138)]);
        let page = Page { limit: 1, after: listed.next };
        let listed = store.list_terminals(&page).await.unwrap();
        assert_eq!((listed.items, listed.next), (vec![newer], None));
        assert!(store.delete_terminal(&phone(139)).await.unwrap());
        assert!(!store.delete_terminal(&phone(139)).await.unwrap());
    }

    async fn unknown_terminals_are_counted(place: Place) {
        let store = place.owner().await;
        let seen = [
            sighting(1, 0, Some("湘A12345")),
            sighting(2, 1, None),
            sighting(1, 2, None),
        ];
        store.record_unknown_terminals(&seen).await.unwrap();
        store.record_unknown_terminals(&[sighting(1, 3, None)]).await.unwrap();
        let listed = store.list_unknown_terminals(&Page::first(1)).await.unwrap();
        let first = &listed.items[0];
        assert_eq!((first.phone.as_str(), first.sightings), ("1", 3));
        assert_eq!((first.first_seen_at, first.last_seen_at), (at(0), at(3)));
        assert_eq!(first.plate.as_deref(), Some("湘A12345"));
        assert_eq!(first.address, "192.0.2.1:3");
        let page = Page { limit: 1, after: listed.next };
        let listed = store.list_unknown_terminals(&page).await.unwrap();
        assert_eq!((listed.items[0].phone.as_str(), listed.next), ("2", None));
    }

    async fn unknown_terminals_are_bounded(place: Place) {
        let store = place.owner().await;
        let seen: Vec<Sighting> = (0..i64::from(UNKNOWN_TERMINALS_MAX) + 10)
            .map(|n| sighting(u64::try_from(n).unwrap(), n, None))
            .collect();
        for part in seen.chunks(4000) {
            store.record_unknown_terminals(part).await.unwrap();
        }
        let mut count = 0;
        let mut page = Page::first(1000);
        loop {
            let listed = store.list_unknown_terminals(&page).await.unwrap();
            count += listed.items.len();
            if listed.next.is_none() {
                assert_eq!(listed.items.last().unwrap().phone.as_str(), "10");
                break;
            }
            page.after = listed.next;
        }
        assert_eq!(count, UNKNOWN_TERMINALS_MAX as usize);
    }

    async fn the_quarantine_is_bounded_in_rows_and_bytes(place: Place) {
        let store = place.owner().await;
        store.quarantine(&[]).await.unwrap();
        store.quarantine(&[entry(1, vec![7; 5000]), entry(2, vec![])]).await.unwrap();
        let listed = store.list_quarantine(&Page::first(10)).await.unwrap();
        assert_eq!(listed.items[0].entry, entry(2, vec![]));
        assert_eq!(listed.items[1].entry.bytes.len(), QUARANTINE_BYTES_MAX);
        assert_eq!(listed.items[1].bytes_total, 5000);
        let many: Vec<_> = (0..QUARANTINE_ROWS_MAX).map(|_| entry(3, vec![1])).collect();
        store.quarantine(&many[1..]).await.unwrap();
        let mut page = Page::first(5000);
        let mut count = 0;
        loop {
            let listed = store.list_quarantine(&page).await.unwrap();
            assert!(listed.items.len() <= 1000);
            count += listed.items.len();
            page.after = listed.next;
            if page.after.is_none() {
                assert_eq!(listed.items.last().unwrap().entry, entry(2, vec![]));
                break;
            }
        }
        assert_eq!(count, QUARANTINE_ROWS_MAX as usize);
    }
}
