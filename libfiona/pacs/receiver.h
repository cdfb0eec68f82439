// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "libfiona/store/daemon.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// The DICOM receiver: C-ECHO, C-STORE and storage commitment, plain and over TLS, one process per
/// association. It answers success only when
/// an object is durable, checked, spooled and marked (receiver_archive.h has the state table).
namespace fiona::pacs {

struct ReceiverFiles {
    std::filesystem::path pid_file; ///< `<server>/.pids/storescpd<project>.pid`, locked for life
    std::filesystem::path log;      ///< `<server>/logs/storescpd<project>.log`
    std::filesystem::path status;   ///< `<site>/.status/storescp.json`

    [[nodiscard]] static ReceiverFiles of(const Config& config);
};

/// What the command line says, and SIGHUP does not change.
struct ReceiverOptions {
    std::optional<std::uint16_t> port;   ///< instead of DICOMPORT; 0: any free one (status file)
    std::optional<bool> keep_rejected{}; ///< instead of RECEIVER.keep_rejected
};

/// Serves until SIGTERM or SIGINT; then closes the port, lets every association finish its object
/// and answer it, and returns within RECEIVER.stop_grace. SIGHUP reads the configuration again, and
/// keeps the old one if the new one, its certificate included, is bad; ports and directories stay.
/// SIGPIPE must be ignored.
///
/// Throws Error: Fault::temporary if another receiver of this site runs or the port is in use,
/// Fault::config if the site's directories lie on different file systems, a project of SITES has
/// no port, or certificate, key or addresses are bad.
void run_receiver(Config config, const ReceiverOptions& options);

/// Reads certificate, key and addresses as the receiver will; throws what run_receiver() would.
void check_settings(const Config& config);

/// `arguments`: the command line that runs the receiver in the foreground. Throws
/// Error{Fault::temporary} at once if the port is in use.
[[nodiscard]] store::StartResult start_receiver(const Config& config,
                                                std::optional<std::uint16_t> port,
                                                const std::vector<std::string>& arguments);
[[nodiscard]] store::StopResult stop_receiver(const Config& config);

/// {"running": ..., "pid": ..., "port": ..., "associations": [...], ...}; a receiver that does not run
/// has no associations, whatever its last status file says.
[[nodiscard]] json::Value receiver_state(const Config& config);

} // namespace fiona::pacs
