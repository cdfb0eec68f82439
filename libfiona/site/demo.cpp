// SPDX-License-Identifier: MIT
#include "libfiona/site/demo.h"

#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/client.h"
#include "libfiona/site/default_config.h"
#include "libfiona/store/atomic_file.h"

#include <sysexits.h>

#include <algorithm>

namespace fiona::site {

namespace fs = std::filesystem;

namespace {

constexpr const char* demo_project = "DEMO";
constexpr const char* demo_pattern = "DEMO_[0-9][0-9][0-9]";

/// fiona-redcapd as a child: floor 4 does not know the server's own room.
class EmbeddedRedcap {
public:
    explicit EmbeddedRedcap(const Config& config)
        : m_program{sibling_program("fiona-redcapd")}, m_config_file{config.file},
          m_database{config.paths.config() / "redcap.sqlite"}, m_tokens{config.redcap.tokens_file}
    {
    }

    [[nodiscard]] const fs::path& database() const { return m_database; }
    [[nodiscard]] const fs::path& tokens() const { return m_tokens; }

    /// All schemas, and one token for each role of the tools in the tokens file.
    void initialize() const
    {
        must_run({"init", "--db", m_database.native(), "--tokens-file", m_tokens.native()});
    }

    /// An API token of the demo project, which is made if it is not there. A token is shown once
    /// and kept nowhere else: of a project whose maker died before noting it, a new one is made.
    [[nodiscard]] Private<std::string> demo_token() const
    {
        auto finished =
            execute({"project", "create", "--db", m_database.native(), "--title", demo_project,
                     "--schema", "research-project", "--event", "Baseline", "--event", "Week 12",
                     "--event", "Week 52", "--print-token"});
        if (finished.exit_code == EX_DATAERR) { // a project of that name is there
            finished = execute({"token", "create", "--db", m_database.native(), "--project",
                                demo_project, "--rights", "all"});
        }
        refuse_failure("project create", finished);
        const auto lines = split(trimmed(finished.out), '\n');
        return Private<std::string>{std::string{trimmed(lines.back())}};
    }

    [[nodiscard]] bool is_running() const
    {
        return execute({"status", "--config", m_config_file.native()}).exit_code == 0;
    }
    void start() const { must_run({"start", "--config", m_config_file.native()}); }
    void stop() const { must_run({"stop", "--config", m_config_file.native()}); }

private:
    [[nodiscard]] Finished execute(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), m_program);
        return run({.arguments = std::move(arguments)});
    }

    // The output may hold a token, so it never goes into an error.
    static void refuse_failure(std::string_view command, const Finished& finished)
    {
        if (finished.exit_code != 0) {
            const auto lines = split(trimmed(finished.err), '\n');
            throw Error{Fault::unreachable, "fiona-redcapd {} failed ({}): {}", command,
                        finished.exit_code, lines.back()};
        }
    }

    void must_run(std::vector<std::string> arguments) const
    {
        const auto command = arguments.front();
        refuse_failure(command, execute(std::move(arguments)));
    }

    std::string m_program;
    fs::path m_config_file;
    fs::path m_database;
    fs::path m_tokens;
};

/// Runs the server for as long as the object lives, unless somebody else runs it already.
class RunningRedcap {
public:
    explicit RunningRedcap(const EmbeddedRedcap& server)
        : m_server{server}, m_ran_before{server.is_running()}
    {
        if (!m_ran_before) {
            m_server.start();
        }
    }
    RunningRedcap(const RunningRedcap&) = delete;
    RunningRedcap& operator=(const RunningRedcap&) = delete;
    ~RunningRedcap()
    {
        if (!m_ran_before) {
            try {
                m_server.stop();
            } catch (
                const Error&) { // NOLINT(bugprone-empty-catch) a server left running is harmless
            }
        }
    }

private:
    const EmbeddedRedcap& m_server;
    bool m_ran_before;
};

bool has_demo_record(redcap::Client& dtp)
{
    redcap::ExportSpec spec;
    spec.records = {demo_project};
    spec.fields = {"project_name", "project_token"};
    const auto rows = dtp.export_records(spec);
    return std::ranges::any_of(
        rows, [](const redcap::Row& row) { return !row.value("project_token").empty(); });
}

redcap::Row demo_record(const Private<std::string>& token)
{
    redcap::Row row;
    row.record = demo_project;
    row.values = {{"project_name", demo_project},
                  {"project_active", "1"},
                  {"project_patient_naming", demo_pattern},
                  {"project_token", token.reveal()}};
    return row;
}

/// The token is noted (0600) between the creation of the project and the record that keeps it: a
/// run that is killed in between is completed by the next one.
void ensure_demo_record(const EmbeddedRedcap& server, const Config& config)
{
    const auto note = config.paths.keys() / "demo-project.token";
    const auto dtp = redcap::connect(config.redcap, redcap::Role::dtp);
    if (!has_demo_record(*dtp)) {
        if (!fs::exists(note)) {
            store::write_file(note, server.demo_token().reveal(), 0600);
        }
        dtp->import_records({demo_record(read_secret_file(note))}, redcap::Overwrite::normal);
        if (!has_demo_record(*dtp)) {
            throw Error{Fault::protocol, "the record of the demo project was not kept by REDCap"};
        }
    }
    fs::remove(note);
}

} // namespace

std::string dcmqrscp_config(const fs::path& storage, std::uint16_t port)
{
    // dcmqrscp deletes the oldest studies beyond its quota; this is the largest one that it takes.
    return fmt::format(
        "# The research PACS of the demo: dcmqrscp --prefer-jpeg8 -c THIS_FILE\n"
        "# For a demo only: beyond 500 studies, or 1 GB in one, it deletes the oldest.\n"
        "NetworkTCPPort  = {}\n"
        "MaxPDUSize      = 16384\n"
        "MaxAssociations = 16\n"
        "HostTable BEGIN\n"
        "HostTable END\n"
        "VendorTable BEGIN\n"
        "VendorTable END\n"
        "AETable BEGIN\n"
        "{}  {}  RW  (500, 1024mb)  ANY\n"
        "AETable END\n",
        port, demo_pacs_aet, storage.native());
}

std::vector<std::string> make_demo(Builder& builder, const fs::path& root,
                                   const fs::path& config_file)
{
    const auto storage = root / "pacs" / demo_pacs_aet;
    builder.directory(root / "pacs", 0750);
    builder.directory(storage, 0750);
    const auto directory = config_file.parent_path();
    const auto pacs_file = directory / "dcmqrscp.cfg";
    if (builder.mode() == Mode::dry_run) {
        for (const auto& path :
             {pacs_file, directory / "redcap.sqlite", directory / "redcap.tokens"}) {
            static_cast<void>(builder.must_make(path));
        }
        return {};
    }
    const auto config = Config::load(config_file);
    builder.file(pacs_file, dcmqrscp_config(storage, config.research_pacs.port), 0640);

    const EmbeddedRedcap server{config};
    const bool no_database = builder.must_make(server.database());
    const bool no_tokens = builder.must_make(server.tokens());
    if (no_database || no_tokens) {
        server.initialize();
    }
    const RunningRedcap running{server};
    ensure_demo_record(server, config);
    return {fmt::format("research PACS: dcmqrscp --prefer-jpeg8 -c {}", pacs_file.native()),
            fmt::format("jobs of one minute: the lines of {}", (root / "crontab").native()),
            fmt::format("images go to FIONA at 127.0.0.1:{}", config.receiver.port)};
}

} // namespace fiona::site
