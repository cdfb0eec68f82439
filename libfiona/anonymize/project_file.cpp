// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/project_file.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace fiona::anonymize {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t key_bytes = 32;
constexpr int original_shift = 42; // days, of every project the original de-identified

} // namespace

ProjectFile::ProjectFile(const ProjectFiles& files, std::string project)
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

UidScheme ProjectFile::scheme() const
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

DateShift ProjectFile::date_shift() const
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

std::vector<std::string> ProjectFile::private_lists() const
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

Documents ProjectFile::documents() const
{
    const auto word = json::Value{m_entry}.text("documents", "refuse");
    if (word != "refuse" && word != "if-clean") {
        throw complaint("documents must be refuse or if-clean");
    }
    return word == "refuse" ? Documents::refuse : Documents::if_clean;
}

bool ProjectFile::has_key() const
{
    std::error_code problem;
    return fs::exists(m_key, problem);
}

std::string ProjectFile::noted_digest() const
{
    return json::Value{m_entry}.text("key_sha256");
}

std::string ProjectFile::destroyed() const
{
    return json::Value{m_entry}.text("key_destroyed");
}

fs::path ProjectFile::key()
{
    if (!destroyed().empty()) {
        throw Error{Fault::config,
                    "project {}: its key was destroyed; nothing more can be de-identified for it",
                    m_project};
    }
    if (!has_key() && !noted_digest().empty()) {
        throw Error{
            Fault::config,
            "project {}: its key {} is lost; put it back from the backup. Without it no study "
            "gets the same UIDs and dates again",
            m_project, m_key.native()};
    }
    if (!has_key()) {
        const auto bytes = random_bytes(key_bytes);
        std::string made;
        std::ranges::transform(bytes, std::back_inserter(made),
                               [](std::byte byte) { return static_cast<char>(byte); });
        write_key(made);
    }
    const auto bytes = secret();
    if (noted_digest().empty()) {
        m_entry["key_sha256"] = sha256_hex(bytes.reveal());
        write_entry();
    }
    return m_key;
}

Private<std::string> ProjectFile::secret() const
{
    auto bytes = read_secret_file(m_key);
    if (bytes.reveal().size() != key_bytes) {
        throw Error{Fault::config, "{}: a key has {} bytes", m_key.native(), key_bytes};
    }
    const auto noted = noted_digest();
    if (!noted.empty() && noted != sha256_hex(bytes.reveal())) {
        throw Error{Fault::config, "project {}: {} is not the key its data were made with",
                    m_project, m_key.native()};
    }
    return bytes;
}

void ProjectFile::restore(const Private<std::string>& key)
{
    const auto digest = sha256_hex(key.reveal());
    if (!destroyed().empty()) {
        throw Error{Fault::config, "project {}: its key was destroyed for good", m_project};
    }
    if (key.reveal().size() != key_bytes || (!noted_digest().empty() && noted_digest() != digest)) {
        throw Error{Fault::config, "project {}: this is not the key its data were made with",
                    m_project};
    }
    if (has_key()) {
        if (sha256_hex(secret().reveal()) != digest) {
            throw Error{Fault::config, "project {}: another key is in place", m_project};
        }
    } else {
        write_key(key.reveal());
    }
    if (noted_digest().empty()) {
        m_entry["key_sha256"] = digest;
        write_entry();
    }
}

void ProjectFile::destroy(std::string_view when)
{
    if (destroyed().empty()) {
        m_entry["key_destroyed"] = when;
        write_entry();
    }
    // A journalling or copying file system may keep old blocks: the overwriting is a courtesy to
    // those that do not, and the man page says so.
    if (const UniqueFd fd{::open(m_key.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)}; fd) {
        write_all(fd.get(), std::string(key_bytes, '\0'), "a key that is being destroyed");
        if (::fsync(fd.get()) != 0) {
            throw os_error(errno, "sync a key that is being destroyed");
        }
    }
    if (::unlink(m_key.c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "remove a key");
    }
    if (std::error_code problem; fs::is_directory(m_key.parent_path(), problem)) {
        sync_directory(m_key.parent_path());
    }
}

Error ProjectFile::complaint(std::string_view what) const
{
    return Error{Fault::config, "{}: project {}: {}", m_path.native(), m_project, what};
}

void ProjectFile::write_key(const std::string& bytes) const
{
    make_directories(m_key.parent_path());
    if (::chmod(m_key.parent_path().c_str(), 0700) != 0) {
        throw os_error(errno, fmt::format("protect {}", m_key.parent_path().native()));
    }
    store::AtomicFile file{m_key, 0600};
    file.write(bytes);
    file.commit_new();
}

void ProjectFile::write_entry()
{
    m_document.object()[m_project] = m_entry;
    make_directories(m_path.parent_path());
    store::write_file(m_path, json::write(m_document, json::Style::pretty) + "\n", 0600);
}

fs::path lock_of(const ProjectFiles& files)
{
    auto path = files.projects;
    path += ".lock";
    return path;
}

} // namespace fiona::anonymize
