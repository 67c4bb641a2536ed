pub(crate) struct PortalConfig {
    pub(crate) lake: std::path::PathBuf,
}
pub(crate) async fn run(
    _l: tokio::net::TcpListener,
    c: PortalConfig,
    stop: tokio_util::sync::CancellationToken,
) -> anyhow::Result<()> {
    _ = c.lake;
    stop.cancelled().await;
    Ok(())
}
