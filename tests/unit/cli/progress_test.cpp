// SPDX-License-Identifier: MIT
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/cli/progress.h"
#include "libfiona/cli/tool.h" // columns_of

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

using namespace fiona;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

/// A terminal of 60 columns, and what was written on it.
class Terminal {
public:
    Terminal()
    {
        int controller = -1;
        int user = -1;
        const winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
        REQUIRE(::openpty(&controller, &user, nullptr, nullptr, &size) == 0);
        m_controller = UniqueFd{controller};
        m_user = UniqueFd{user};
        REQUIRE(::fcntl(controller, F_SETFL, O_NONBLOCK) == 0);
    }
    [[nodiscard]] int fd() const { return m_user.get(); }
    [[nodiscard]] std::string take() const
    {
        std::string text;
        std::array<char, 4096> block{};
        ssize_t got = 0;
        while ((got = ::read(m_controller.get(), block.data(), block.size())) > 0) {
            text.append(block.data(), static_cast<std::size_t>(got));
        }
        return text;
    }

private:
    UniqueFd m_controller;
    UniqueFd m_user;
};

} // namespace

TEST_CASE("a line of progress says how much is done")
{
    CHECK(cli::progress_line("sending", 60, 120, 45)
          == "sending [##########           ]  50 %  60/120");
    CHECK(cli::progress_line("sending", 0, 0, 40) == "sending [###################] 100 %  0/0");
    CHECK_THAT(cli::progress_line("sending", 7, 5, 40), Contains("100 %  5/5"));
}

TEST_CASE("a line of progress is never wider than the terminal, nor cuts a character")
{
    const auto* const label = GENERATE("reading", "lesing på øyeblikket", "読み込み中", "");
    for (std::size_t columns = 0; columns < 100; ++columns) {
        const auto line = cli::progress_line(label, 123'456, 200'000, columns);
        CAPTURE(columns, line);
        CHECK(cli::columns_of(line) <= columns);
        CHECK(is_utf8(line));
    }
}

TEST_CASE("progress is drawn on a terminal and leaves nothing behind")
{
    const Terminal terminal;
    {
        cli::Progress progress{terminal.fd(), "sending", 4, 0ms};
        progress.advance();
        CHECK_THAT(terminal.take(), Contains("sending [") && Contains("25 %  1/4"));
    }
    const auto last = terminal.take();
    CHECK(last.front() == '\r');
    CHECK(last.back() == '\r');
    CHECK(last.find_first_not_of(" \r") == std::string::npos);
}

TEST_CASE("what is written in between stands on a line of its own")
{
    const Terminal terminal;
    cli::Progress progress{terminal.fd(), "sending", 4, 0ms};
    progress.advance();
    static_cast<void>(terminal.take());

    cli::erase_progress();
    const auto erased = terminal.take();
    cli::erase_progress();

    CHECK(erased.ends_with('\r'));
    CHECK(terminal.take().empty());
}

TEST_CASE("a short work, or one that nobody watches, draws nothing")
{
    const Terminal terminal;
    cli::Progress quick{terminal.fd(), "sending", 4};
    quick.advance(4);
    cli::Progress unseen{-1, "sending", 4, 0ms};
    unseen.advance();

    CHECK(terminal.take().empty());
}
