// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/request_files.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/sent_images.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

/// Nobody files, postpones, adopts or withdraws a request meanwhile. A claim may still happen: it and we
/// take the file by one rename each, and one of us finds it gone.
class Standstill {
public:
    explicit Standstill(const Paths& paths)
        : m_filing{made(paths.requests()) / files::lock_name, files::lock_patience},
          m_moving{made(paths.work()) / files::lock_name, files::lock_patience}
    {
    }

private:
    static const fs::path& made(const fs::path& directory)
    {
        make_directories(directory);
        return directory;
    }

    FileLock m_filing;
    FileLock m_moving;
};

/// False if it is not there: it never was, or a worker was quicker.
bool move_durably(const fs::path& from, const fs::path& to)
{
    make_directories(to.parent_path());
    if (::rename(from.c_str(), to.c_str()) != 0) {
        if (errno == ENOENT) {
            return false;
        }
        throw os_error(errno, "move a request");
    }
    sync_directory(to.parent_path());
    sync_directory(from.parent_path());
    return true;
}

json::Object messages_in(const fs::path& file)
{
    try {
        if (const auto text = read_file_if_any(file, files::max_note_bytes)) {
            return json::parse(*text, "the messages of a request").object();
        }
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        return {{"error", "what was said before could not be read"}};
    }
    return {};
}

Error no_such_request()
{
    return Error{Fault::missing, "there is no such request, or not in a state for this command"};
}

} // namespace

void Requests::refuse_if_sending(const std::string& file_name) const
{
    const bool is_told_next =
        files::exists(m_paths.requests() / files::result_name(file_name)) && is_pending(file_name);
    bool is_in_work = false;
    for (const auto& directory : files::work_directories(m_paths)) {
        is_in_work = is_in_work || files::exists(directory / file_name);
    }
    if (is_in_work || is_told_next) {
        throw Error{Fault::temporary,
                    "this request is being sent now, or was and is to be reported; "
                    "wait for what comes of it"};
    }
}

/// Neither REDCap nor a receipt knows of them yet, and the research PACS keeps them.
void Requests::refuse_if_sent(const std::string& file_name) const
{
    for (const auto& directory : {m_paths.held(), m_paths.requests()}) {
        const auto text = read_file_if_any(directory / file_name, files::max_note_bytes);
        if (!text) {
            continue;
        }
        std::optional<TransferRequest> request;
        try {
            request = TransferRequest::parse(*text, file_name);
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            continue; // it cannot have been sent
        }
        const auto images = SentImages::read(SentImages::journal_of(m_paths, *request));
        if (const auto count = images.count_new(); count > 0) {
            throw Error{Fault::data,
                        "{} of its images are in the research PACS already: let it end "
                        "(fiona-status queue release, queue retry), then withdraw the study "
                        "(fiona-operating(7))",
                        count};
        }
    }
}

Requests::Change Requests::hold(const std::string& file_name, Mode mode, Sent sent) const
{
    const auto target = m_paths.held() / file_name;
    std::optional<Standstill> standstill;
    if (mode == Mode::apply) {
        standstill.emplace(m_paths);
    }
    if (sent == Sent::refuse) {
        refuse_if_sent(file_name);
    }
    if (files::exists(target)) {
        return Change::was_so;
    }
    refuse_if_sending(file_name);
    const auto source = m_paths.requests() / file_name;
    const bool is_done =
        mode == Mode::dry_run ? files::exists(source) : move_durably(source, target);
    if (!is_done) {
        refuse_if_sending(file_name); // claimed a moment ago
        throw no_such_request();
    }
    return Change::made;
}

Requests::Change Requests::release(const std::string& file_name, Mode mode) const
{
    std::optional<Standstill> standstill;
    if (mode == Mode::apply) {
        standstill.emplace(m_paths);
    }
    const auto source = m_paths.held() / file_name;
    const bool is_done = mode == Mode::dry_run
                             ? files::exists(source)
                             : move_durably(source, m_paths.requests() / file_name);
    if (is_done) {
        return Change::made;
    }
    if (is_pending(file_name)) {
        return Change::was_so;
    }
    throw no_such_request();
}

Requests::Change Requests::drop(const std::string& file_name, std::string_view reason,
                                TimePoint now, Mode mode) const
{
    std::optional<Standstill> standstill;
    if (mode == Mode::apply) {
        standstill.emplace(m_paths);
    }
    refuse_if_sending(file_name);
    refuse_if_sent(file_name);
    const auto messages = m_paths.failed() / files::messages_name(file_name);
    const auto failed = m_paths.failed() / files::failed_name(file_name);
    const auto here = files::exists(m_paths.held() / file_name)       ? m_paths.held()
                      : files::exists(m_paths.requests() / file_name) ? m_paths.requests()
                                                                      : fs::path{};
    if (here.empty() && !files::exists(failed)) {
        throw no_such_request();
    }
    auto note = here.empty() ? messages_in(messages) : json::Object{};
    if (here.empty() && note.contains("dropped")) {
        return Change::was_so;
    }
    if (mode == Mode::dry_run) {
        return Change::made;
    }
    note.try_emplace("error", reason);
    note["dropped"] = iso8601_utc(now);
    make_directories(m_paths.failed());
    write_file(messages, json::write(note, json::Style::pretty) + "\n");
    if (!here.empty() && !move_durably(here / file_name, failed)) {
        refuse_if_sending(
            file_name); // claimed a moment ago: what we wrote means nothing without it
        throw no_such_request();
    }
    std::error_code ignored; // alone it means nothing
    fs::remove(m_paths.requests() / files::state_name(file_name), ignored);
    return Change::made;
}

void Requests::note_dropped(const TransferRequest& request, std::string_view reason,
                            TimePoint now) const
{
    const Standstill standstill{m_paths};
    const auto name = request.file_name();
    make_directories(m_paths.failed());
    write_file(m_paths.failed() / files::messages_name(name),
               json::write(json::Object{{"error", reason}, {"dropped", iso8601_utc(now)}},
                           json::Style::pretty)
                   + "\n");
    write_file(m_paths.failed() / files::failed_name(name),
               json::write(request.content, json::Style::pretty) + "\n");
}

Requests::Change Requests::try_now(const std::string& file_name, Mode mode) const
{
    std::optional<Standstill> standstill;
    if (mode == Mode::apply) {
        standstill.emplace(m_paths);
    }
    const auto state = m_paths.requests() / files::state_name(file_name);
    if (!files::exists(m_paths.requests() / file_name)) {
        throw no_such_request();
    }
    if (!files::exists(state)) {
        return Change::was_so;
    }
    if (mode == Mode::apply && ::unlink(state.c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "remove a request's note");
    }
    return Change::made;
}

} // namespace fiona::store
