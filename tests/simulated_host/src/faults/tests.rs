use super::{Faults, When};

#[test]
fn orders_strike_when_they_should() {
    let mut faults = Faults::default();
    faults.order("proxy_log", When::Nth(2), 10);
    assert_eq!(faults.strike("proxy_done"), None);
    let struck = [0; 3].map(|_| faults.strike("proxy_log"));
    assert_eq!(struck, [None, Some(10), None]);
    assert!(!faults.pending());
    faults.order("proxy_log", When::Always, 7);
    let struck = [0; 2].map(|_| faults.strike("proxy_log"));
    assert_eq!(struck, [Some(7); 2]);
    faults.clear();
    assert_eq!(faults.strike("proxy_log"), None);
    assert_eq!(faults.struck(), 3);
    assert_eq!(faults.made()["proxy_log"], 6);
}
