//! The suite that every driver passes.

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    dunlin_driver::conformance::run_all(&crate::support::Fleet).await;
}
