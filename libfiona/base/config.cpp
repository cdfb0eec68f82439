// SPDX-License-Identifier: MIT
#include "libfiona/base/config.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <type_traits>

namespace fiona {

namespace fs = std::filesystem;

namespace {

/// A view of one object of config.json that names the key in every complaint.
class Section {
public:
    Section(const json::Value* value, std::string name) : m_value{value}, m_name{std::move(name)}
    {
        if (m_value != nullptr && !m_value->is_object()) {
            throw Error{Fault::config, "config: {} must be an object",
                        m_name.empty() ? "the whole file" : m_name};
        }
    }

    [[nodiscard]] Section section(std::string_view key) const
    {
        return {m_value == nullptr ? nullptr : m_value->find(key), path_of(key)};
    }

    [[nodiscard]] std::optional<std::string> text(std::string_view key) const
    {
        const auto* const found = m_value == nullptr ? nullptr : m_value->find(key);
        if (found == nullptr || found->is_null()) {
            return std::nullopt;
        }
        if (found->is_array() || found->is_object()) {
            throw Error{Fault::config, "config: {} must be a text", path_of(key)};
        }
        return found->text();
    }

    [[nodiscard]] std::vector<std::string> texts(std::string_view key) const
    {
        const auto* const found = m_value == nullptr ? nullptr : m_value->find(key);
        std::vector<std::string> result;
        if (found == nullptr) {
            return result;
        }
        try {
            for (const auto& item : found->array()) {
                result.push_back(item.string());
            }
        } catch (const Error&) {
            throw Error{Fault::config, "config: {} must be a list of texts", path_of(key)};
        }
        return result;
    }

    /// Relative paths would mean another place for each crontab entry.
    [[nodiscard]] std::optional<std::string> absolute_path(std::string_view key) const
    {
        auto path = text(key);
        if (path && !path->starts_with('/')) {
            throw Error{Fault::config, "config: {} must be an absolute path", path_of(key)};
        }
        return path;
    }

    void boolean(std::string_view key, bool& target) const
    {
        const auto value = text(key);
        if (value && *value != "true" && *value != "false") {
            throw Error{Fault::config, "config: {} must be true or false", path_of(key)};
        }
        target = value ? *value == "true" : target;
    }

    /// The original writes numbers as text, we write numbers; both are read.
    template <typename T>
    void number(std::string_view key, T& target) const
    {
        const auto value = text(key);
        if (!value) {
            return;
        }
        T parsed{};
        const auto* const last = value->data() + value->size();
        const auto [end, problem] = std::from_chars(value->data(), last, parsed);
        bool legal = problem == std::errc{} && end == last;
        if constexpr (std::is_floating_point_v<T>) {
            legal = legal && std::isfinite(parsed);
        }
        if (!legal) {
            throw Error{Fault::config, "config: {} must be a number", path_of(key)};
        }
        target = parsed;
    }

    void seconds(std::string_view key, std::chrono::seconds& target) const
    {
        auto value = static_cast<unsigned>(target.count());
        number(key, value);
        target = std::chrono::seconds{value};
    }

    void copy(std::string_view key, std::string& target) const
    {
        target = text(key).value_or(target);
    }

private:
    [[nodiscard]] std::string path_of(std::string_view key) const
    {
        return m_name.empty() ? std::string{key} : fmt::format("{}.{}", m_name, key);
    }

    const json::Value* m_value;
    std::string m_name;
};

Paths read_paths(const Section& root, const Section& project, const std::string& project_name)
{
    const auto prefix = root.absolute_path("ROOT").value_or("");
    const auto moved = root.section("PATHS");
    const auto place = [&](std::string_view key, const std::string& fallback) {
        return fs::path{moved.absolute_path(key).value_or(prefix + fallback)};
    };
    Paths paths;
    paths.data = place("data", root.absolute_path("DATADIR").value_or("/data"));
    if (!project_name.empty()) {
        const auto directory = project.absolute_path("DATADIR");
        if (!directory) {
            throw Error{Fault::config, "config: SITES has no project {} with a DATADIR",
                        project_name};
        }
        paths.data = prefix + *directory;
    }
    paths.processing = place("processing", "/home/processing");
    paths.server = place("server", "/var/www/html/server");
    paths.applications = place("applications", "/var/www/html/applications");
    paths.export_root = place("export", "/export2");
    return paths;
}

RedcapConfig read_redcap(const Section& section, const Paths& paths)
{
    RedcapConfig redcap;
    section.copy("url", redcap.url);
    if (const auto socket = section.text("unix_socket")) {
        redcap.unix_socket = *socket;
    }
    if (const auto ca_file = section.text("ca_file")) {
        redcap.ca_file = *ca_file;
    }
    redcap.tokens_file =
        section.text("tokens_file").value_or((paths.config() / "redcap.tokens").native());
    section.seconds("connect_timeout", redcap.connect_timeout);
    section.seconds("timeout", redcap.timeout);
    section.seconds("deadline", redcap.deadline);
    return redcap;
}

ResearchPacsConfig read_pacs(const Section& section)
{
    ResearchPacsConfig pacs;
    section.copy("host", pacs.host);
    section.number("port", pacs.port);
    section.copy("aet", pacs.aet);
    pacs.qr_port = pacs.port;
    section.number("qr_port", pacs.qr_port);
    pacs.qr_aet = section.text("qr_aet").value_or(pacs.aet);
    pacs.calling_aet = section.text("calling_aet").value_or("FIONA");
    section.seconds("timeout", pacs.timeout);
    return pacs;
}

ReceiverConfig read_receiver(const Section& root, const Section& project)
{
    ReceiverConfig receiver;
    (project.text("DICOMPORT") ? project : root).number("DICOMPORT", receiver.port);
    const auto section = root.section("RECEIVER");
    section.copy("bind", receiver.bind_address);
    section.copy("aet", receiver.aet);
    section.number("max_associations", receiver.max_associations);
    section.number("max_per_peer", receiver.max_per_peer);
    section.seconds("acse_timeout", receiver.acse_timeout);
    section.seconds("dimse_timeout", receiver.dimse_timeout);
    section.seconds("stop_grace", receiver.stop_grace);
    const auto syntaxes = section.text("transfer_syntaxes").value_or("any");
    if (syntaxes != "any" && syntaxes != "uncompressed") {
        throw Error{Fault::config,
                    R"(config: RECEIVER.transfer_syntaxes must be "any" or "uncompressed")"};
    }
    receiver.transfer_syntaxes = syntaxes == "any" ? ReceiverConfig::TransferSyntaxes::any
                                                   : ReceiverConfig::TransferSyntaxes::uncompressed;
    const auto durability = section.text("durability").value_or("file");
    if (durability != "full" && durability != "file" && durability != "none") {
        throw Error{Fault::config,
                    R"(config: RECEIVER.durability must be "full", "file" or "none")"};
    }
    receiver.durability = durability == "full"   ? ReceiverConfig::Durability::full
                          : durability == "file" ? ReceiverConfig::Durability::file
                                                 : ReceiverConfig::Durability::none;
    section.boolean("promiscuous", receiver.promiscuous);
    receiver.allowed_callers = section.texts("allowed_callers");
    section.number("soft_free_share", receiver.soft_free_share);
    section.number("soft_free_bytes", receiver.soft_free_bytes);
    section.number("hard_free_share", receiver.hard_free_share);
    section.number("hard_free_bytes", receiver.hard_free_bytes);
    section.number("spool_warn", receiver.spool_warn);
    section.number("spool_max", receiver.spool_max);
    return receiver;
}

DeidentifyConfig read_deidentify(const Section& section, const Paths& paths)
{
    const auto place = [&](std::string_view key, const char* name) {
        return fs::path{section.text(key).value_or((paths.config() / name).native())};
    };
    return {place("profile", "profile.csv"), place("safe_private", "safe-private.csv"),
            place("projects", "projects.json")};
}

} // namespace

fs::path Config::default_path(const std::optional<fs::path>& from_command_line)
{
    if (from_command_line) {
        return *from_command_line;
    }
    const auto* const from_environment =
        std::getenv("FIONA_CONFIG"); // NOLINT(concurrency-mt-unsafe) before any thread
    return from_environment != nullptr && *from_environment != '\0' ? from_environment
                                                                    : "/data/config/config.json";
}

Config Config::load(const fs::path& file, const std::string& project)
{
    Config config;
    config.file = file;
    config.project = project;
    const auto text = read_file_if_any(file);
    if (!text) {
        throw Error{Fault::config,
                    "no configuration at {}; name one with --config, or make a site with "
                    "fiona-config init",
                    file.native()};
    }
    try {
        config.document = json::parse(*text, file.native());
        const Section root{&config.document, ""};
        const auto sites = root.section("SITES");
        if (!project.empty() && config.document.find("SITES") == nullptr) {
            throw Error{Fault::config, "{}: no SITES, so no project {}", file.native(), project};
        }
        const auto project_block = project.empty() ? Section{nullptr, ""} : sites.section(project);
        config.paths = read_paths(root, project_block, project);
        config.redcap = read_redcap(root.section("REDCAP"), config.paths);
        config.research_pacs = read_pacs(root.section("RESEARCH_PACS"));
        config.receiver = read_receiver(root, project_block);
        config.deidentify = read_deidentify(root.section("DEIDENTIFY"), config.paths);
        root.seconds("QUIETTIME", config.timing.quiet);
        root.seconds("SETTLETIME", config.timing.settle);
        config.classify_rules =
            root.text("RULESFILE")
                .value_or((config.paths.config() / "classifyRules.json").native());
        config.streams = root.absolute_path("STREAMSFILE")
                             .value_or((config.paths.workflows() / "config.json").native());
        root.copy("LOCALTIMEZONE", config.timezone);
    } catch (const Error& e) {
        throw Error{Fault::config, "{}", e.what()};
    }
    if (!config.timezone.empty()) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe) before any thread
        ::setenv("TZ", config.timezone.c_str(), 1);
        ::tzset();
    }
    return config;
}

fs::path shipped_file(const fs::path& relative)
{
    std::error_code problem;
    const auto self = fs::read_symlink("/proc/self/exe", problem).parent_path();
    std::vector<fs::path> places;
    if (const auto* const share =
            std::getenv("FIONA_SHARE")) { // NOLINT(concurrency-mt-unsafe) before any thread
        places.emplace_back(share);
    }
    places.emplace_back(self / ".." / "share" / "fiona");
    places.emplace_back(FIONA_SOURCE_SHARE);
    for (const auto& place : places) {
        if (fs::exists(place / relative, problem)) {
            return place / relative;
        }
    }
    throw Error{Fault::missing, "{} is not installed (looked in {})", relative.native(),
                places.front().native()};
}

} // namespace fiona
