// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fiona {

/// Every path of a site (fiona-files(5)). Who writes and who reads each of them stands in the
/// header that owns it.
struct Paths {
    std::filesystem::path data;         ///< default /data
    std::filesystem::path processing;   ///< default /home/processing
    std::filesystem::path server;       ///< default /var/www/html/server
    std::filesystem::path applications; ///< default /var/www/html/applications
    std::filesystem::path export_root;  ///< default /export2

    [[nodiscard]] std::filesystem::path site() const { return data / "site"; }
    [[nodiscard]] std::filesystem::path archive() const { return site() / "archive"; }
    [[nodiscard]] std::filesystem::path incoming_parts() const { return site() / ".incoming"; }
    [[nodiscard]] std::filesystem::path rejected() const { return site() / ".rejected"; }
    [[nodiscard]] std::filesystem::path raw() const { return site() / "raw"; }
    [[nodiscard]] std::filesystem::path participants() const { return site() / "participants"; }
    [[nodiscard]] std::filesystem::path srs() const { return site() / "srs"; }
    [[nodiscard]] std::filesystem::path arrived() const { return site() / ".arrived"; }
    [[nodiscard]] std::filesystem::path spool() const { return site() / ".spool"; }
    [[nodiscard]] std::filesystem::path commitments() const { return site() / ".commitment"; }
    [[nodiscard]] std::filesystem::path status() const { return site() / ".status"; }
    [[nodiscard]] std::filesystem::path temporary() const { return site() / "tmp"; } ///< mode 0700
    [[nodiscard]] std::filesystem::path config() const { return data / "config"; }
    [[nodiscard]] std::filesystem::path keys() const { return config() / "keys"; } ///< mode 0700
    [[nodiscard]] std::filesystem::path requests() const
    {
        return processing / "transfer_requests";
    }
    [[nodiscard]] std::filesystem::path work() const { return processing / "transfers_work"; }
    [[nodiscard]] std::filesystem::path held() const { return processing / "transfers_held"; }
    [[nodiscard]] std::filesystem::path done() const { return processing / "transfers_done"; }
    [[nodiscard]] std::filesystem::path failed() const { return processing / "transfers_fail"; }
    [[nodiscard]] std::filesystem::path logs() const { return processing / "logs"; }
    [[nodiscard]] std::filesystem::path receipts() const { return processing / "receipts"; }
    /// The site's own, of the receipts: Ed25519, mode 0600.
    [[nodiscard]] std::filesystem::path signing_key() const { return config() / "signing.key"; }
    [[nodiscard]] std::filesystem::path pids() const { return processing / ".pids"; }
    [[nodiscard]] std::filesystem::path state() const { return processing / "state"; }
    [[nodiscard]] std::filesystem::path server_logs() const { return server / "logs"; }
    [[nodiscard]] std::filesystem::path server_pids() const { return server / ".pids"; }
    [[nodiscard]] std::filesystem::path incoming_list() const
    {
        return applications / "Assign" / "incoming.txt";
    }
    [[nodiscard]] std::filesystem::path workflows() const
    {
        return applications / "Workflows" / "php";
    }
    [[nodiscard]] std::filesystem::path job_list() const
    {
        return workflows() / "workflow_joblist.jobs";
    }
};

struct RedcapConfig {
    std::string url;                                  ///< http(s)://host[:port]/api/
    std::optional<std::filesystem::path> unix_socket; ///< then the host in `url` is only a name
    std::optional<std::filesystem::path> ca_file;
    std::filesystem::path tokens_file; ///< lines `role = token`, mode 0600
    std::chrono::seconds connect_timeout{5};
    std::chrono::seconds timeout{60};
    std::chrono::seconds deadline{180}; ///< trouble of one run without a success in between
    unsigned rate_per_minute = 300;     ///< calls of all tools together; 0: no limit
    std::string server_timezone;        ///< IANA name; empty: that of this process
    /// Where the tools of this site share the limit, the copies and the journal of what they write;
    /// empty: nothing is shared.
    std::filesystem::path state_dir{};
};

/// How we speak TLS as a client. The certificate of the other side is always verified.
struct TlsClientConfig {
    std::filesystem::path ca_file; ///< PEM: who may sign the certificate of the other side
    std::optional<std::filesystem::path>
        certificate; ///< PEM, its chain behind it; if it asks for one
    std::optional<std::filesystem::path> private_key; ///< PEM without a password, mode 0600
    std::string server_name; ///< that its certificate must be made out to; empty: the host
};
/// From an object with these keys, which complaints call `name`. Throws Error{Fault::config}.
[[nodiscard]] TlsClientConfig read_client_tls(const json::Value& value, std::string name);

struct ResearchPacsConfig {
    std::string host;
    std::uint16_t port = 0;             ///< C-STORE
    std::string aet;                    ///< called AE title for C-STORE
    std::uint16_t qr_port = 0;          ///< C-FIND, C-GET, C-MOVE; default: port
    std::string qr_aet;                 ///< default: aet
    std::string calling_aet;            ///< default FIONA
    std::chrono::seconds timeout{60};   ///< for the answer to an image five times as long
    std::optional<TlsClientConfig> tls; ///< then both ports speak TLS
    /// Storage commitment (PS3.4 annex J): whether the PACS has to say again that all is safe.
    enum class Commitment {
        off,       ///< the answer to C-STORE counts
        automatic, ///< asked for if the PACS offers it; a denial counts, silence does not
        required,  ///< a study is not done before
    };
    Commitment commitment = Commitment::automatic;
    std::chrono::seconds commitment_wait{10}; ///< for the report on the same association
    std::chrono::seconds commitment_timeout{
        900}; ///< for a report in our receiver; then asked again
};

/// DICOM over TLS, on a port beside the plain one (RECEIVER.tls).
struct TlsConfig {
    std::uint16_t port = 2762;         ///< registered for it (PS3.8 §9.1.1); 0: any free one
    std::filesystem::path certificate; ///< PEM, its chain behind it
    std::filesystem::path private_key; ///< PEM without a password, mode 0600
    std::optional<std::filesystem::path> ca_file; ///< PEM: who may sign the certificates of clients
    enum class ClientCertificates { none, optional, required };
    ClientCertificates client_certificates = ClientCertificates::required;
};

/// Where a peer listens (RECEIVER.peers).
struct PeerAddress {
    std::string host;
    std::uint16_t port = 0;
};

struct ReceiverConfig {
    std::string bind_address = "0.0.0.0";
    std::uint16_t port = 11112; ///< 0: a project of SITES that names none
    std::string aet = "FIONA";  ///< the responding AE title; every called AE title is accepted
    unsigned max_associations = 20;
    unsigned max_per_peer = 10;
    std::chrono::seconds acse_timeout{10};
    std::chrono::seconds dimse_timeout{60};
    std::chrono::seconds stop_grace{30};
    enum class TransferSyntaxes { any, uncompressed } transfer_syntaxes = TransferSyntaxes::any;
    enum class Durability { full, file, none } durability = Durability::file;
    bool promiscuous = true; ///< storage classes that DCMTK does not know are accepted
    std::vector<std::string> allowed_callers; ///< empty: all
    std::vector<std::string>
        allowed_addresses; ///< `10.0.0.0/8`, `fd00::/8`, `10.1.2.3`; empty: all
    std::optional<TlsConfig> tls;
    /// By AE title: where storage commitment is reported to when the association is gone.
    std::map<std::string, PeerAddress> peers;
    std::chrono::seconds commitment_retry{30}; ///< first try; doubled after each, to an hour
    std::chrono::seconds commitment_give_up{86'400};
    bool keep_rejected = true; ///< refused objects go to .rejected/ while the disk is `ok`
    /// Free space of the archive below which we warn, and below which nothing is accepted.
    /// The larger of the share and the bytes counts.
    double soft_free_share = 0.10;
    std::uint64_t soft_free_bytes = std::uint64_t{20} << 30U;
    double hard_free_share = 0.02;
    std::uint64_t hard_free_bytes = std::uint64_t{2} << 30U;
    std::size_t spool_warn = 10'000;
    std::size_t spool_max = 200'000;
};

struct DeidentifyConfig {
    std::filesystem::path profile;      ///< default: <config>/profile.csv, else the installed one
    std::filesystem::path safe_private; ///< likewise safe-private.csv
    std::filesystem::path projects;     ///< per-project settings, default <config>/projects.json
    /// SOP classes whose objects viewers do not show: their series get a picture that says so.
    std::vector<std::string> no_image_classes;
};

/// How mail leaves (SMTP). An empty url: this site sends none.
struct SmtpConfig {
    std::string url;  ///< smtp://host[:port] (STARTTLS) or smtps://host[:port]
    std::string from; ///< `Name <address>` or the address alone
    std::optional<std::filesystem::path> user_file; ///< `user = ..`, `password = ..`; mode 0600
    std::optional<std::filesystem::path> ca_file;   ///< PEM, instead of the system's authorities
    enum class Tls {
        automatic, ///< required, but not on a loopback address
        required,
        none, ///< a relay inside the house that offers none; no password goes there
    };
    Tls tls = Tls::automatic;
    std::chrono::seconds timeout{60}; ///< of one mail, from the connection to the last answer
};

/// Where fiona-send-files(1) brings files (SFTP; the original's keys SERVERUSER and DAIC.. as well).
struct SftpConfig {
    std::string host; ///< empty: this site sends none
    std::uint16_t port = 22;
    std::string user;
    std::filesystem::path key_file;      ///< ed25519 or ecdsa without a passphrase, mode 0600
    std::filesystem::path known_hosts;   ///< whom we believe to be the server; always verified
    std::string remote = "fiona/outbox"; ///< from the login directory
    enum class Verify {
        server_md5, ///< the server's own list of digests confirms
        readback,   ///< read again and compared
        size,       ///< the length counts
    };
    Verify verify = Verify::server_md5;
    std::uint64_t bytes_per_second = 0;    ///< 0: no limit
    std::chrono::seconds time_limit{1500}; ///< of one run
    std::chrono::seconds connect_timeout{30};
};

struct TimingConfig {
    std::chrono::seconds quiet{16};  ///< a study is complete when nothing arrived for so long
    std::chrono::seconds settle{60}; ///< a series JSON younger than this is not yet recorded
};

/// config.json, read and checked once (fiona-files(5)). Unknown keys are ignored.
class Config {
public:
    /// `--config FILE`, else $FIONA_CONFIG, else /data/config/config.json.
    [[nodiscard]] static std::filesystem::path
    default_path(const std::optional<std::filesystem::path>& from_command_line);

    /// Throws Error{Fault::config}: missing or unreadable file, no JSON (with line and column),
    /// a value of the wrong kind, an unknown project.
    [[nodiscard]] static Config load(const std::filesystem::path& file,
                                     const std::string& project = {});

    std::filesystem::path file;
    std::string project; ///< of SITES, empty for the default site
    Paths paths;
    RedcapConfig redcap;
    ResearchPacsConfig research_pacs;
    ReceiverConfig receiver;
    DeidentifyConfig deidentify;
    SmtpConfig smtp;
    SftpConfig sftp;
    TimingConfig timing;
    std::filesystem::path classify_rules; ///< RULESFILE, default <config>/classifyRules.json
    std::filesystem::path streams;        ///< STREAMSFILE, default <workflows>/config.json
    std::string timezone;                 ///< LOCALTIMEZONE; put into TZ by load()
    json::Value document;                 ///< everything, for what has no field above
};

/// A file shipped with the tools (share/...): beside the build tree, or the installed one.
/// Throws Error{Fault::missing} naming where it was looked for.
[[nodiscard]] std::filesystem::path shipped_file(const std::filesystem::path& relative);

} // namespace fiona
