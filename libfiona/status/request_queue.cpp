// SPDX-License-Identifier: MIT
#include "libfiona/status/request_queue.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/status/request_steps.h"
#include "libfiona/store/request_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>

namespace fiona::status {

namespace fs = std::filesystem;

namespace {

using store::files::modified;
constexpr std::size_t max_request_bytes = std::size_t{1} << 20U;
constexpr std::string_view failed_suffix = "_fail.log";
constexpr std::string_view done_middle = "_ok_";

/// When the file came to where it is: a rename changes this time and not that of its content.
std::optional<TimePoint> moved_here(const fs::path& path)
{
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
        return Clock::from_time_t(status.st_ctim.tv_sec);
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        throw os_error(errno, "look at a request");
    }
    return std::nullopt;
}

class Listing {
public:
    explicit Listing(const Paths& paths) : m_paths{paths}, m_requests{paths} {}

    std::vector<QueuedRequest> all()
    {
        // In the order of the road: what moves on meanwhile is seen twice rather than never.
        for (const auto& name : m_requests.held()) {
            add(name, RequestState::held, m_paths.held() / name);
        }
        for (const auto& name : m_requests.waiting()) {
            add_waiting(name);
        }
        for (const auto& directory : store::files::work_directories(m_paths)) {
            const bool is_alive = FileLock::holder(directory / ".lock").has_value();
            for (const auto& name : store::files::requests_in(directory)) {
                add_work(name, directory, is_alive);
            }
        }
        add_failed();
        std::ranges::stable_sort(m_found, {}, &QueuedRequest::since);
        return std::move(m_found);
    }

private:
    QueuedRequest* add(const std::string& name, RequestState state, const fs::path& file)
    {
        const auto since = moved_here(file);
        if (!since || !m_pending.insert(name).second) {
            return nullptr; // it moved on
        }
        m_found.push_back({name, state, file, *since, 0, std::nullopt, {}});
        return &m_found.back();
    }

    void add_waiting(const std::string& name)
    {
        const auto file = m_paths.requests() / name;
        if (fs::exists(m_paths.requests() / store::files::result_name(name))) {
            add(name, RequestState::unreported, file);
            return;
        }
        const auto filed = modified(file);
        auto* const request = filed ? add(name, RequestState::waiting, file) : nullptr;
        if (request == nullptr) {
            return;
        }
        request->since = *filed; // postponing does not make it younger
        if (const auto state = m_requests.state(name)) {
            request->state = RequestState::postponed;
            request->attempts = state->attempts;
            request->next_try = state->next_try;
            request->reason = log::without_uids(state->last_error);
        }
    }

    void add_work(const std::string& name, const fs::path& directory, bool is_alive)
    {
        const auto result = store::files::result_name(name);
        const bool is_sent =
            fs::exists(directory / result) || fs::exists(m_paths.requests() / result);
        add(name,
            is_sent    ? RequestState::unreported
            : is_alive ? RequestState::in_work
                       : RequestState::left,
            directory / name);
    }

    void add_failed()
    {
        std::optional<std::map<std::string, std::string>> done;
        for (const auto& file : visible_names(m_paths.failed())) {
            if (!file.ends_with(failed_suffix)) {
                continue;
            }
            const auto path = m_paths.failed() / file;
            auto name = file.substr(0, file.size() - failed_suffix.size());
            const auto when = moved_here(path);
            if (!when || m_pending.contains(name)) {
                continue;
            }
            if (!done) {
                done = last_successes();
            }
            const auto success = done->find(name);
            if (success != done->end() && success->second >= local_minute(*when)) {
                continue;
            }
            const auto failure = failure_in(path);
            const auto state = failure.is_dropped ? RequestState::dropped : RequestState::failed;
            m_found.push_back({std::move(name), state, path, *when, 0, std::nullopt,
                               log::without_uids(failure.reason)});
        }
    }

    /// By name, `YYYY-MM-DD HH:MM`.
    [[nodiscard]] std::map<std::string, std::string> last_successes() const
    {
        constexpr std::size_t minute_length = 16;
        std::map<std::string, std::string> last;
        for (const auto& file : visible_names(m_paths.done())) {
            const auto middle = file.rfind(done_middle);
            if (middle == std::string::npos) {
                continue;
            }
            auto minute = file.substr(middle + done_middle.size(), minute_length);
            std::ranges::replace(minute, '_', ' ');
            auto& known = last[file.substr(0, middle)];
            known = std::max(known, minute);
        }
        return last;
    }

    const Paths& m_paths;
    store::Requests m_requests;
    std::set<std::string> m_pending;
    std::vector<QueuedRequest> m_found;
};

constexpr std::array<std::string_view, 8> state_names{
    "waiting", "postponed", "in work", "left", "unreported", "held", "failed", "dropped"};

std::string without_sharp(std::string_view text)
{
    return std::string{text.starts_with('#') ? text.substr(1) : text};
}

} // namespace

std::string_view name_of(RequestState state)
{
    return state_names.at(static_cast<std::size_t>(state));
}

const std::vector<RequestState>& all_request_states()
{
    using enum RequestState;
    static const std::vector<RequestState> states{waiting,    postponed, in_work, left,
                                                  unreported, held,      failed,  dropped};
    return states;
}

std::string QueuedRequest::reference() const
{
    const auto end = name.find('_');
    return end == std::string::npos ? log::uid_tag(name)
                                    : log::uid_tag(name.substr(0, end)) + name.substr(end);
}

std::vector<QueuedRequest> queued_requests(const Paths& paths)
{
    return Listing{paths}.all();
}

store::TransferRequest content_of(const QueuedRequest& request)
{
    return store::TransferRequest::parse(read_file(request.file, max_request_bytes), request.name);
}

std::vector<QueuedRequest> matching(const std::vector<QueuedRequest>& requests,
                                    std::string_view word)
{
    const auto wanted = without_sharp(word);
    std::vector<QueuedRequest> found;
    std::ranges::copy_if(requests, std::back_inserter(found), [&](const QueuedRequest& request) {
        const auto study = request.name.substr(0, request.name.find('_'));
        return wanted == request.name || wanted == without_sharp(request.reference())
               || wanted == study || wanted == without_sharp(log::uid_tag(study));
    });
    return found;
}

} // namespace fiona::status
