// SPDX-License-Identifier: MIT
// One association over loopback, all of it in this process: DCMTK's network and command parser, our
// negotiation, intake and archive. The first byte says what the others are:
//   'C' a command set, which a good data set follows; 'P' PDUs behind an accepted request;
//   'R' everything from the first byte on.
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/library.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/receiver_access.h"
#include "libfiona/pacs/receiver_association.h"
#include "libfiona/pacs/receiver_counters.h"
#include "libfiona/pacs/receiver_listener.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/raw_association.h"
#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <poll.h>

#include <csignal>
#include <string>

using namespace fiona;
namespace fs = std::filesystem;

namespace {

/// A site with its directories; what a run leaves there is looked at and removed.
class FuzzSite {
public:
    FuzzSite()
    {
        static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
        store("config.json", R"({"ROOT": ")" + m_root.path.native() + R"("})");
        config = Config::load(m_root / "config.json");
        config.receiver.durability = ReceiverConfig::Durability::none;
        config.receiver.hard_free_bytes = 0;
        config.receiver.hard_free_share = 0;
        config.receiver.acse_timeout = std::chrono::seconds{1};
        config.receiver.dimse_timeout = std::chrono::seconds{1};
        for (const auto& directory : {config.paths.archive(), config.paths.incoming_parts()}) {
            make_directories(directory);
        }
        log::set_sink([this](log::Level, const std::string& line) {
            promise(line.find('\n') == std::string::npos);
            const bool is_stored = line.find(" event=object_stored ") != std::string::npos;
            stored += is_stored ? 1U : 0U;
            m_is_touched |= is_stored || line.find(" event=object_refused ") != std::string::npos;
        });
    }

    /// Only files of legal names, whole, below the directory of their study.
    void check_and_clean()
    {
        promise(fs::is_empty(config.paths.incoming_parts()));
        if (!m_is_touched) {
            promise(fs::is_empty(config.paths.archive()));
            return;
        }
        for (const auto& study : fs::directory_iterator{config.paths.archive()}) {
            promise(study.path().filename().native().starts_with("scp_"));
            promise(is_uid(study.path().filename().native().substr(4)));
            for (const auto& file : fs::directory_iterator{study}) {
                const auto name = file.path().filename().native();
                const auto scan = dicom::prescan_file(file.path());
                promise(name.substr(name.find('.') + 1) == scan.sop_instance);
                promise("scp_" + scan.study == study.path().filename());
            }
            fs::remove_all(study.path());
        }
        fs::remove_all(config.paths.rejected());
        fs::remove_all(config.paths.spool());
        fs::remove_all(config.paths.arrived());
        m_is_touched = false;
    }

    Config config;
    std::size_t stored = 0; ///< log lines of this run

private:
    void store(const char* name, const std::string& text) const
    {
        const UniqueFd fd{::open((m_root / name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
        write_all(fd.get(), text, name);
    }

    TempDir m_root;
    bool m_is_touched = false;
};

std::string stream(std::string_view input)
{
    const auto kind = input.empty() ? 'R' : input.front();
    const std::string rest{input.substr(input.empty() ? 0 : 1)};
    const auto request = raw::request("FUZZER", "FIONA",
                                      {{1, raw::secondary_capture, {raw::explicit_little}},
                                       {3, raw::verification, {raw::explicit_little}}});
    if (kind == 'C') {
        return request + raw::pdv(1, 3, rest) + raw::pdv(1, 2, raw::data_set({}, 16));
    }
    return kind == 'P' ? request + rest : rest;
}

/// How many C-STORE responses in `answer` say success (PS3.7 §9.3.1.2).
std::size_t count_successes(const std::string& answer)
{
    const auto any_command = raw::tag(0x00000100) + raw::little(2, 4);
    const auto success = raw::implicit(0x00000900, raw::little(0, 2));
    std::size_t count = 0;
    for (auto at = answer.find(any_command); at != std::string::npos;) {
        const auto next = answer.find(any_command, at + 1);
        const auto message = answer.substr(at + any_command.size(), next - at);
        const bool is_store = message.starts_with(raw::little(0x8001, 2));
        count += is_store && message.find(success) != std::string::npos ? 1U : 0U;
        at = next;
    }
    return count;
}

std::string read_all(int socket)
{
    std::string answer;
    std::array<char, 4096> block{};
    for (;;) {
        const auto got = ::recv(socket, block.data(), block.size(), MSG_DONTWAIT);
        if (got <= 0) {
            return answer;
        }
        answer.append(block.data(), static_cast<std::size_t>(got));
    }
}

} // namespace

/// The process of an association may not have much memory (receiver_process.cpp), and DCMTK believes
/// the length of a command's element until it cannot have so much. What DCMTK leaks dies with it.
extern "C" const char* __asan_default_options() // NOLINT(bugprone-*,cert-*,readability-*) its name
{
    return "allocator_may_return_null=1:max_allocation_size_mb=256:detect_leaks=0";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const dicom::Library library;
    static FuzzSite site;
    static const pacs::Listener listener{"127.0.0.1", 0};
    const raw::Connection peer{listener.port()};
    pollfd one{listener.fd(), POLLIN, 0};
    ::poll(&one, 1, 1000);
    auto accepted = listener.accept();
    if (!accepted) {
        return 0;
    }
    const auto bytes = stream(as_text(data, size));
    static_cast<void>(::send(peer.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    ::shutdown(peer.fd(), SHUT_WR);

    site.stored = 0;
    {
        // DCMTK closes the socket by itself.
        const UniqueFd socket{std::move(accepted->socket)};
        const pacs::AccessList everybody{site.config.receiver};
        const pacs::ReceiverCounters counters;
        pacs::AssociationTask task;
        task.access = &everybody;
        task.counters = &counters;
        task.socket = ::dup(socket.get());
        task.address = "127.0.0.1";
        task.host = "fuzz";
        pacs::converse(site.config, task);
    }

    promise(count_successes(read_all(peer.fd())) == site.stored);
    site.check_and_clean();
    const linger at_once{1, 0}; // no waiting ports: there are many runs
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return 0;
}
