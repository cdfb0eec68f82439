// SPDX-License-Identifier: MIT
#include "libfiona/wsi/upload_folder.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace fiona::wsi {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view json_suffix = ".json";
constexpr std::string_view status_suffix = ".status.json";
constexpr std::size_t most_bytes = std::size_t{1} << 20U; // of a JSON
constexpr unsigned most_levels = 20;
constexpr std::chrono::hours keep_status{24 * 7};

TimePoint time_of(const FileIdentity& identity)
{
    return TimePoint{std::chrono::duration_cast<Clock::duration>(
        std::chrono::nanoseconds{identity.modified_ns})};
}

std::string stem_of(const Ticket& ticket)
{
    const auto& name = ticket.path.back();
    return name.substr(0, name.size() - json_suffix.size());
}

/// Nothing if the file has gone meanwhile.
std::optional<Ticket> read_ticket(const store::Folder& folder, std::vector<std::string> path)
{
    const auto status = folder.look(path.back());
    if (!status || !S_ISREG(status->st_mode)) {
        return std::nullopt;
    }
    const auto identity = identity_of(*status);
    Ticket ticket{.path = std::move(path), .id = {}, .text = {}, .modified = time_of(identity)};
    try {
        auto text = read_text(folder, ticket.path.back(), most_bytes);
        if (!text) {
            return std::nullopt;
        }
        ticket.text = *std::move(text);
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        ticket.damage = e.what();
    }
    constexpr std::size_t id_digits = 16;
    ticket.id = sha256_hex(fmt::format("{} {} {} {}", ticket.path.back(), identity.inode,
                                       identity.modified_ns, sha256_hex(ticket.text)))
                    .substr(0, id_digits);
    return ticket;
}

/// Calls `visit` with the folder and the path of every visible file that ends with `suffix`.
template <typename Visit>
// NOLINTNEXTLINE(misc-no-recursion) the levels are counted
void walk(const store::Folder& folder, const std::vector<std::string>& above,
          std::string_view suffix, const Visit& visit)
{
    for (const auto& entry : folder.entries()) {
        if (entry.name.starts_with('.')) {
            continue;
        }
        auto path = above;
        path.push_back(entry.name);
        if (entry.kind == store::Folder::Kind::directory && path.size() < most_levels) {
            try {
                if (const auto below = folder.descend(entry.name)) {
                    walk(*below, path, suffix, visit);
                }
            } catch (const Error& e) {
                log::warn("upload_folder_passed_by", {{"reason", e.what()}});
            }
        } else if (entry.kind == store::Folder::Kind::file && entry.name.ends_with(suffix)) {
            visit(folder, path);
        }
    }
}

std::vector<Ticket> tickets_in(const fs::path& directory)
{
    std::vector<Ticket> found;
    if (!fs::is_directory(directory)) {
        return found;
    }
    const store::Folder top{directory, "the folder of uploads"};
    walk(top, {}, json_suffix, [&](const store::Folder& folder, const auto& path) {
        if (path.back().ends_with(status_suffix)) {
            return;
        }
        if (auto ticket = read_ticket(folder, path)) {
            found.push_back(*std::move(ticket));
        }
    });
    std::ranges::sort(found, {}, [](const Ticket& ticket) {
        return std::pair{ticket.modified, ticket.path};
    });
    return found;
}

} // namespace

UploadFolder::UploadFolder(const Paths& paths) : m_attach{paths.applications / "Attach"} {}

bool UploadFolder::is_used() const
{
    std::error_code absent;
    return fs::is_directory(m_attach / "uploads", absent);
}

void UploadFolder::make() const
{
    for (const auto* const name : {"uploads", "uploads_done", "uploads_failed"}) {
        make_directories(m_attach / name);
    }
}

std::vector<Ticket> UploadFolder::tickets() const
{
    return tickets_in(m_attach / "uploads");
}

std::vector<Ticket> UploadFolder::failed() const
{
    return tickets_in(m_attach / "uploads_failed");
}

std::optional<store::Folder> UploadFolder::folder_of(const std::vector<std::string>& path) const
{
    std::optional<store::Folder> folder{
        store::Folder{m_attach / "uploads", "the folder of uploads"}};
    for (std::size_t i = 0; folder && i + 1 < path.size(); ++i) {
        const auto status = folder->look(path[i]);
        if (status && !S_ISDIR(status->st_mode)) {
            throw Error{Fault::data, "a link or a file is in the place of a folder of uploads"};
        }
        folder = folder->descend(path[i]);
    }
    return folder;
}

std::optional<Ticket> UploadFolder::find(const fs::path& json) const
{
    const auto relative =
        fs::absolute(json).lexically_normal().lexically_relative(m_attach / "uploads");
    std::vector<std::string> path;
    for (const auto& part : relative) {
        path.push_back(part.native());
    }
    const bool is_below = !path.empty() && std::ranges::none_of(path, [](const std::string& part) {
        return part.starts_with('.') || part.empty();
    });
    if (!is_below || !path.back().ends_with(json_suffix) || path.back().ends_with(status_suffix)) {
        return std::nullopt;
    }
    const auto folder = folder_of(path);
    return folder ? read_ticket(*folder, std::move(path)) : std::nullopt;
}

bool UploadFolder::is_there(const Ticket& ticket) const
{
    const auto folder = folder_of(ticket.path);
    const auto now = folder ? read_ticket(*folder, ticket.path) : std::nullopt;
    return now && now->id == ticket.id;
}

UniqueFd UploadFolder::open_image(const Upload& upload) const
{
    const auto folder = folder_of(upload.image);
    return folder ? open_regular(*folder, upload.image.back()) : UniqueFd{};
}

void UploadFolder::remove_image(const Upload& upload, const FileIdentity& identity) const
{
    const auto folder = folder_of(upload.image);
    const auto status = folder ? folder->look(upload.image.back()) : std::nullopt;
    if (!status) {
        return;
    }
    if (!S_ISREG(status->st_mode) || identity_of(*status) != identity) {
        log::warn("image_kept", {{"reason", "it was replaced while its slide was worked on"}});
        return;
    }
    folder->unlink(upload.image.back());
    if (::fsync(folder->fd()) != 0) {
        throw os_error(errno, "sync the folder of uploads");
    }
}

void UploadFolder::tell(const Ticket& ticket, const json::Object& status) const
{
    try {
        if (const auto folder = folder_of(ticket.path)) {
            put_text(*folder, stem_of(ticket).append(status_suffix),
                     json::write(status, json::Style::pretty) + "\n",
                     fmt::format(".{}.status.part", ticket.id));
        }
    } catch (const Error& e) { // the page does without
        log::debug("status_not_written", {{"upload", ticket.id}, {"reason", e.what()}});
    }
}

std::string UploadFolder::name_of_done(const Ticket& ticket) const
{
    const store::Folder done{m_attach / "uploads_done", "the folder of what is done"};
    // An earlier upload of that name keeps its own.
    return done.look(ticket.path.back())
               ? fmt::format("{}.{}{}", stem_of(ticket), ticket.id, json_suffix)
               : ticket.path.back();
}

void UploadFolder::write_done(const Ticket& ticket, const std::string& name,
                              std::string_view text) const
{
    put_text(store::Folder{m_attach / "uploads_done", "the folder of what is done"}, name, text,
             fmt::format(".{}.part", ticket.id));
}

void UploadFolder::remove(const Ticket& ticket) const
{
    const auto folder = folder_of(ticket.path);
    const auto now = folder ? read_ticket(*folder, ticket.path) : std::nullopt;
    if (!now || now->id != ticket.id) {
        return;
    }
    folder->unlink(ticket.path.back());
    if (::fsync(folder->fd()) != 0) {
        throw os_error(errno, "sync the folder of uploads");
    }
}

void UploadFolder::fail(const Ticket& ticket, std::string_view reason) const
{
    const auto folder = folder_of(ticket.path);
    if (!folder) {
        return;
    }
    const store::Folder failed{m_attach / "uploads_failed", "the folder of what failed"};
    const auto stem = failed.look(ticket.path.back())
                          ? fmt::format("{}.{}", stem_of(ticket), ticket.id)
                          : stem_of(ticket);
    put_text(failed, stem + ".error.txt", fmt::format("upload {}\n{}\n", ticket.id, reason),
             fmt::format(".{}.part", ticket.id));
    if (!folder->move(ticket.path.back(), failed, stem + std::string{json_suffix})) {
        throw Error{Fault::temporary, "upload {} could not be set aside", ticket.id};
    }
    if (::fsync(failed.fd()) != 0 || ::fsync(folder->fd()) != 0) {
        throw os_error(errno, "sync the folders of uploads");
    }
}

std::string UploadFolder::reason_of(const Ticket& failed) const
{
    if (failed.path.size() != 1) {
        return {};
    }
    const store::Folder folder{m_attach / "uploads_failed", "the folder of what failed"};
    const auto text = read_text(folder, stem_of(failed) + ".error.txt", most_bytes).value_or("");
    const auto first_line = text.find('\n');
    return first_line == std::string::npos ? std::string{}
                                           : std::string{trimmed(text.substr(first_line))};
}

void UploadFolder::sweep(TimePoint now) const
{
    const store::Folder top{m_attach / "uploads", "the folder of uploads"};
    walk(top, {}, status_suffix, [&](const store::Folder& folder, const auto& path) {
        const auto& name = path.back();
        const auto json = name.substr(0, name.size() - status_suffix.size()).append(json_suffix);
        const auto status = folder.look(name);
        if (status && !folder.look(json) && time_of(identity_of(*status)) + keep_status < now) {
            folder.unlink(name);
        }
    });
}

} // namespace fiona::wsi
