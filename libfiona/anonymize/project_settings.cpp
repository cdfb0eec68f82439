// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/settings.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace fiona::anonymize {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t key_bytes = 32;
constexpr int original_shift = 42; // days, of every project the original de-identified

/// projects.json (key_sha256)   keys/PROJECT.key
///            -                        -          a new project: the key is made
///            -                        +          crashed between the two: the key is adopted
///            +                        +          in use; the digests must agree
///            +                        -          lost: refused, a person must bring it back
class ProjectFile {
public:
    ProjectFile(const ProjectFiles& files, std::string project)
        : m_path{files.projects}, m_key{files.keys / (percent_encoded(project) + ".key")},
          m_project{std::move(project)}
    {
        if (const auto text = read_file_if_any(m_path)) {
            try {
                m_document = json::parse(*text, m_path.native());
            } catch (const Error& error) {
                throw Error{Fault::config, "{}", error.what()};
            }
        }
        if (!m_document.is_object()) {
            throw Error{Fault::config, "{}: must be an object of projects", m_path.native()};
        }
        if (const auto* const entry = m_document.find(m_project)) {
            if (!entry->is_object()) {
                throw Error{Fault::config, "{}: the entry of project {} must be an object",
                            m_path.native(), m_project};
            }
            m_entry = entry->object();
        }
    }

    [[nodiscard]] UidScheme scheme() const
    {
        const auto word = json::Value{m_entry}.text("uid_scheme", "hmac");
        if (word == "hmac") {
            return UidScheme::hmac;
        }
        if (word == "compat-dec") {
            return UidScheme::compat_dec;
        }
        if (word == "compat-hex") {
            return UidScheme::compat_hex;
        }
        throw complaint("uid_scheme must be hmac, compat-dec or compat-hex");
    }

    [[nodiscard]] DateShift date_shift() const
    {
        const auto found = m_entry.find("date_shift");
        if (found == m_entry.end()) {
            return scheme() == UidScheme::hmac ? DateShift{}
                                               : DateShift{DateShift::Kind::fixed, original_shift};
        }
        const auto mode = found->second.text("mode");
        if (mode == "subject") {
            return {};
        }
        const auto* const days = found->second.find("days");
        if (mode != "fixed" || days == nullptr || !days->is_integer()
            || std::abs(days->integer()) > 36'500) {
            throw complaint(
                R"(date_shift must be {"mode": "subject"} or {"mode": "fixed", "days": N})");
        }
        return {DateShift::Kind::fixed, static_cast<int>(days->integer())};
    }

    [[nodiscard]] std::vector<std::string> private_lists() const
    {
        std::vector<std::string> lists;
        const auto found = m_entry.find("private_lists");
        if (found == m_entry.end()) {
            return lists;
        }
        if (!found->second.is_array()) {
            throw complaint("private_lists must be an array of names or files");
        }
        for (const auto& list : found->second.array()) {
            lists.push_back(list.text());
        }
        return lists;
    }

    [[nodiscard]] Documents documents() const
    {
        const auto word = json::Value{m_entry}.text("documents", "refuse");
        if (word != "refuse" && word != "if-clean") {
            throw complaint("documents must be refuse or if-clean");
        }
        return word == "refuse" ? Documents::refuse : Documents::if_clean;
    }

    /// The key, made and noted at the first use.
    fs::path key()
    {
        const auto noted = json::Value{m_entry}.text("key_sha256");
        const bool exists = fs::exists(m_key);
        if (m_entry.contains("key_destroyed")) {
            throw Error{
                Fault::config,
                "project {}: its key was destroyed; nothing more can be de-identified for it",
                m_project};
        }
        if (!exists && !noted.empty()) {
            throw Error{
                Fault::config,
                "project {}: its key {} is lost; put it back from the backup. Without it no study "
                "gets the same UIDs and dates again",
                m_project, m_key.native()};
        }
        if (!exists) {
            make_directories(m_key.parent_path());
            if (::chmod(m_key.parent_path().c_str(), 0700) != 0) {
                throw os_error(errno, fmt::format("protect {}", m_key.parent_path().native()));
            }
            const auto bytes = random_bytes(key_bytes);
            store::AtomicFile file{m_key, 0600};
            std::string secret;
            std::ranges::transform(bytes, std::back_inserter(secret),
                                   [](std::byte byte) { return static_cast<char>(byte); });
            file.write(secret);
            file.commit_new();
        }
        const auto secret = read_secret_file(m_key);
        if (secret.reveal().size() != key_bytes) {
            throw Error{Fault::config, "{}: a key has {} bytes", m_key.native(), key_bytes};
        }
        const auto digest = sha256_hex(secret.reveal());
        if (noted.empty()) {
            m_entry["key_sha256"] = digest;
            m_document.object()[m_project] = m_entry;
            make_directories(m_path.parent_path());
            store::write_file(m_path, json::write(m_document, json::Style::pretty) + "\n", 0600);
        } else if (noted != digest) {
            throw Error{Fault::config, "project {}: {} is not the key its data were made with",
                        m_project, m_key.native()};
        }
        return m_key;
    }

private:
    [[nodiscard]] Error complaint(std::string_view what) const
    {
        return Error{Fault::config, "{}: project {}: {}", m_path.native(), m_project, what};
    }

    fs::path m_path;
    fs::path m_key;
    std::string m_project;
    json::Value m_document{json::Object{}};
    json::Object m_entry;
};

} // namespace

Settings project_settings(const ProjectFiles& files, const ProjectName& project,
                          const ParticipantId& participant, const std::optional<EventName>& event)
{
    make_directories(files.projects.parent_path());
    // Workers of several requests start at once: only one of them makes the key.
    auto lock_path = files.projects;
    lock_path += ".lock";
    const FileLock lock{lock_path, std::chrono::seconds{30}};
    ProjectFile file{files, project.str()};
    Settings settings{.project = project, .participant = participant, .event = event};
    settings.scheme = file.scheme();
    settings.date_shift = file.date_shift();
    settings.private_lists = file.private_lists();
    settings.documents = file.documents();
    if (settings.scheme == UidScheme::hmac
        || settings.date_shift.kind == DateShift::Kind::subject) {
        settings.key_file = file.key();
    }
    return settings;
}

Settings project_settings(const Config& config, const ProjectName& project,
                          const ParticipantId& participant, const std::optional<EventName>& event)
{
    auto settings = project_settings(ProjectFiles{config.deidentify.projects, config.paths.keys()},
                                     project, participant, event);
    std::error_code problem;
    if (fs::exists(config.deidentify.profile, problem)) {
        settings.profiles = {config.deidentify.profile};
    }
    if (fs::exists(config.deidentify.safe_private, problem)) {
        settings.safe_private = config.deidentify.safe_private;
    }
    return settings;
}

} // namespace fiona::anonymize
