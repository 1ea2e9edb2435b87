use super::*;

#[test]
fn nothing_is_attached_to_begin_with() {
    let attachments = Attachments::default();
    assert_eq!(attachments.mode(1), None);
    assert_eq!(attachments.iter().count(), 0);
}
